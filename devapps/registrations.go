package devapps

import (
	"maps"
	"slices"
	"strconv"

	"devrouter/router/wire"
)

// maxURIBytes bounds the URIs of one message, so that an app with thousands of
// routes stays well below the 1 MiB that NATS carries.
const maxURIBytes = 64 << 10

// Registrations returns the messages that say what the manifest says: one for
// each instance, with all URIs of its app (more only when they do not fit into
// one message). URIs are in normal form. A nil manifest has none. The messages
// share their URIs and tags; nobody may modify them.
func (m *Manifest) Registrations() []*wire.Registration {
	if m == nil {
		return nil
	}
	var all []*wire.Registration
	for i := range m.Apps {
		app := &m.Apps[i]
		groups, tags := app.uriGroups(), app.wireTags()
		for index, instance := range app.Instances {
			for _, uris := range groups {
				all = append(all, new(app.registration(index, instance, uris, tags)))
			}
		}
	}
	return all
}

func (a *App) registration(index int, i Instance, uris []string, tags map[string]string) wire.Registration {
	return wire.Registration{
		Host:                 i.Host,
		Port:                 i.Port,
		TLSPort:              i.TLSPort,
		URIs:                 uris,
		Protocol:             a.Protocol,
		App:                  a.ID,
		PrivateInstanceID:    i.ID,
		PrivateInstanceIndex: strconv.Itoa(index),
		ServerCertDomainSAN:  i.SAN,
		RouteServiceURL:      a.RouteServiceURL,
		Tags:                 tags,
		AvailabilityZone:     i.Zone,
		HealthCheckPath:      a.Health,
		Options: wire.Options{
			LoadBalancing: a.LoadBalancing, HashHeader: a.HashHeader, HashBalance: wire.Factor(a.HashBalance),
			StickyCookieNames: a.Sticky,
		},
	}
}

// uriGroups returns the app's URIs in as few groups as messages can carry.
func (a *App) uriGroups() [][]string {
	var groups [][]string
	var group []string
	size := 0
	for _, r := range a.Routes {
		uri := r.Key.String()
		if size += len(uri); size > maxURIBytes {
			groups, group, size = append(groups, group), nil, len(uri)
		}
		group = append(group, uri)
	}
	return append(groups, group)
}

// wireTags returns the user's tags and below them the app's name, which the
// router takes for a dimension of its metrics.
func (a *App) wireTags() map[string]string {
	tags := map[string]string{"component": a.Name}
	maps.Copy(tags, a.Tags)
	return tags
}

// sameEndpoint reports whether two messages say the same of an endpoint,
// whatever URIs they carry.
func sameEndpoint(a, b *wire.Registration) bool {
	return a.Host == b.Host &&
		a.Port == b.Port &&
		a.TLSPort == b.TLSPort &&
		a.Protocol == b.Protocol &&
		a.App == b.App &&
		a.PrivateInstanceID == b.PrivateInstanceID &&
		a.PrivateInstanceIndex == b.PrivateInstanceIndex &&
		a.ServerCertDomainSAN == b.ServerCertDomainSAN &&
		a.RouteServiceURL == b.RouteServiceURL &&
		maps.Equal(a.Tags, b.Tags) &&
		a.StaleThresholdInSeconds == b.StaleThresholdInSeconds &&
		a.IsolationSegment == b.IsolationSegment &&
		a.AvailabilityZone == b.AvailabilityZone &&
		a.HealthCheckPath == b.HealthCheckPath &&
		a.EndpointUpdatedAtNs == b.EndpointUpdatedAtNs &&
		a.Options.LoadBalancing == b.Options.LoadBalancing &&
		a.Options.HashHeader == b.Options.HashHeader &&
		a.Options.HashBalance == b.Options.HashBalance &&
		slices.Equal(a.Options.StickyCookieNames, b.Options.StickyCookieNames)
}
