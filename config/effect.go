package config

import (
	"reflect"
	"slices"
)

// NotInEffect returns the dotted names, sorted, of the keys whose value is not
// the default and that this build accepts without doing what they say: what a
// start should warn of, once.
func (c Config) NotInEffect() []string {
	defaults := map[string]reflect.Value{}
	standard := Default()
	eachKey(reflect.ValueOf(&standard).Elem(), func(name string, v reflect.Value) { defaults[name] = v })

	var names []string
	eachKey(reflect.ValueOf(&c).Elem(), func(name string, v reflect.Value) {
		if !effective[name] && !same(v, defaults[name]) {
			names = append(names, name)
		}
	})
	slices.Sort(names)
	return names
}

// same compares two values of one key. An empty list is as good as none.
func same(a, b reflect.Value) bool {
	if a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0 {
		return true
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// effective says of every key whether this build does what it says. Keys of a
// list's entries go with the list.
var effective = map[string]bool{
	"listen_address": true,
	"routes_file":    true,
	"port":           true,
	"ssl_port":       true,
	"enable_ssl":     true,
	"disable_http":   true,
	"enable_proxy":   true,
	"enable_http2":   true,
	"use_net_http":   true,
	// Replies may begin before their request has been read, whatever it says.
	"enable_http1_concurrent_read_write": true,

	"status.host":                        true,
	"status.port":                        true,
	"status.user":                        true,
	"status.pass":                        true,
	"status.enable_nontls_health_checks": true,
	// /varz and /healthz are served whatever it says.
	"status.enable_deprecated_varz_healthz_endpoints": true,
	"status.tls.port":        true,
	"status.tls.certificate": true,
	"status.tls.key":         true,
	"status.routes.port":     true,

	"nats.embedded.host":        true,
	"nats.embedded.port":        true,
	"nats.embedded.leafnodes":   true,
	"nats.hosts":                true,
	"nats.user":                 true,
	"nats.pass":                 true,
	"nats.tls_enabled":          true,
	"nats.ca_certs":             true,
	"nats.cert_chain":           true,
	"nats.private_key":          true,
	"nats_client_ping_interval": true,

	"logging.level":                                         true,
	"logging.format.timestamp":                              true,
	"logging.syslog":                                        true,
	"logging.syslog_addr":                                   true,
	"logging.syslog_network":                                true,
	"logging.syslog_truncate":                               true,
	"logging.loggregator_enabled":                           false,
	"logging.metron_address":                                false,
	"logging.disable_log_forwarded_for":                     true,
	"logging.disable_log_source_ip":                         true,
	"logging.redact_query_params":                           true,
	"logging.extra_access_log_fields":                       true,
	"request_log.entries":                                   true,
	"request_log.max_bytes":                                 true,
	"request_log.body_bytes":                                true,
	"access_log.file":                                       true,
	"access_log.enable_streaming":                           true,
	"extra_headers_to_log":                                  true,
	"tracing.enable_zipkin":                                 true,
	"tracing.enable_w3c":                                    true,
	"tracing.w3c_tenant_id":                                 true,
	"trace_key":                                             true,
	"prometheus.enabled":                                    true,
	"prometheus.port":                                       true,
	"prometheus.cert_path":                                  true,
	"prometheus.key_path":                                   true,
	"prometheus.ca_path":                                    true,
	"prometheus.meters.route_lookup_time_histogram_buckets": true,
	"prometheus.meters.gorouter_time_histogram_buckets":     true,
	"prometheus.meters.route_registration_latency_histogram_buckets": true,
	"prometheus.meters.routing_response_latency_histogram_buckets":   true,
	"prometheus.meters.http_latency_histogram_buckets":               true,
	"debug_addr": true,

	"index":        true,
	"zone":         true,
	"go_max_procs": true,
	"pid_file":     true,

	"start_response_delay_interval":        true,
	"publish_start_message_interval":       true,
	"prune_stale_droplets_interval":        true,
	"expire_tls_endpoints":                 true,
	"droplet_stale_threshold":              true,
	"suspend_pruning_if_nats_unavailable":  true,
	"publish_active_apps_interval":         true,
	"isolation_segments":                   true,
	"routing_table_sharding_mode":          true,
	"route_latency_metric_muzzle_duration": true,

	"balancing_algorithm":                true,
	"balancing_algorithm_az_preference":  true,
	"backends.max_attempts":              true,
	"backends.max_conns":                 true,
	"backends.cert_chain":                true,
	"backends.private_key":               true,
	"endpoint_timeout":                   true,
	"http_1_endpoint_timeout":            true,
	"http_2_endpoint_timeout":            true,
	"endpoint_dial_timeout":              true,
	"websocket_dial_timeout":             false,
	"tls_handshake_timeout":              true,
	"endpoint_health_check_interval":     true,
	"endpoint_keep_alive_probe_interval": true,
	"disable_keep_alives":                true,
	"max_idle_conns":                     true,
	"max_idle_conns_per_host":            true,
	"keep_alive_100_continue_requests":   true,
	"raw_tcp_upgrade":                    true,

	"frontend_idle_timeout":                             true,
	"read_header_timeout":                               true,
	"client_stall_timeout":                              true,
	"max_request_header_bytes":                          true,
	"max_header_bytes":                                  true,
	"max_response_header_bytes":                         true,
	"max_request_headers":                               true,
	"max_response_headers":                              true,
	"force_forwarded_proto_https":                       true,
	"sanitize_forwarded_proto":                          true,
	"hop_by_hop_headers_to_filter":                      true,
	"http_rewrite.responses.add_headers_if_not_present": true,
	"http_rewrite.responses.remove_headers":             true,
	"empty_pool_response_code_503":                      true,
	"empty_pool_timeout":                                true,
	"html_error_template_file":                          true,
	"html_error_template_all":                           true,
	"error_retry_after":                                 true,

	"secure_cookies":                     true,
	"sticky_session_cookie_names":        true,
	"sticky_sessions_for_auth_negotiate": true,
	"pin_instances":                      true,

	"healthcheck_user_agent":          true,
	"healthcheck_poll_interval":       false,
	"healthcheck_timeout":             false,
	"load_balancer_healthy_threshold": false,
	"drain_wait":                      true,
	"drain_timeout":                   true,

	"tls_pem":                    true,
	"ca_certs":                   true,
	"client_ca_certs":            true,
	"only_trust_client_ca_certs": true,
	"client_cert_validation":     true,
	"enable_verify_client_certificate_metadata": true,
	"verify_client_certificate_metadata":        true,
	"cipher_suites":                             true,
	"min_tls_version":                           true,
	"max_tls_version":                           true,
	"skip_ssl_validation":                       true,
	"forwarded_client_cert":                     true,

	"route_services.max_attempts":                true,
	"route_services.strict_signature_validation": true,
	"route_services.enable_websockets":           true,
	"route_services.cert_chain":                  true,
	"route_services.private_key":                 true,
	"route_services_secret":                      true,
	"route_services_secret_decrypt_only":         true,
	"route_services_timeout":                     true,
	"route_services_recommend_https":             true,
	"route_services_hairpinning":                 true,
	"route_services_hairpinning_allowlist":       true,
	"route_services_internal_server_port":        false,

	"routing_api.uri":                      false,
	"routing_api.port":                     false,
	"routing_api.auth_disabled":            false,
	"routing_api.ca_certs":                 false,
	"routing_api.cert_chain":               false,
	"routing_api.private_key":              false,
	"oauth.token_endpoint":                 false,
	"oauth.port":                           false,
	"oauth.skip_ssl_validation":            false,
	"oauth.client_name":                    false,
	"oauth.client_secret":                  false,
	"oauth.ca_certs":                       false,
	"token_fetcher_max_retries":            false,
	"token_fetcher_retry_interval":         false,
	"token_fetcher_expiration_buffer_time": false,

	"per_request_metrics_reporting":             true,
	"enable_envelope_v1_metrics":                false,
	"send_http_start_stop_server_event":         false,
	"send_http_start_stop_client_event":         false,
	"per_app_prometheus_http_metrics_reporting": true,
}
