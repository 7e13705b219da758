package errorpage

import (
	"net/http"

	"devrouter/router/health"
	"devrouter/router/proxy"
	"devrouter/router/route"
)

// words say an error to a person.
type words struct {
	Title  string `json:"-"`
	Untold string `json:"-"` // Title for those who are not told what there is
	Hint   string `json:"-"` // what to do, or why it is so
}

// wordsFor puts an error in words; place is where its route stands in the file. What it does not know keeps gorouter's.
func wordsFor(e *proxy.RouterError, place string) words {
	host := shown(route.NormalHost(e.Request.Host))
	switch {
	case e.Service != "":
		return words{
			Title:  "The route service of " + host + " does not answer",
			Untold: "This site cannot be reached right now",
			Hint:   "Requests for this route go through " + shown(e.Service) + " first, and that did not pass this one on: " + reason(e) + ".",
		}
	case e.Addr != "":
		return failureWords(e, host, place)
	case e.Pool != nil && len(e.Pool.Instances()) == 0:
		return words{host + " has no instances", "There is nothing here right now", "The route is known, and its last instance has left. Start the app."}
	case e.Pool != nil:
		return refusalWords(e, host)
	case e.Name == "unknown_route":
		return words{Title: "There is no route for " + host, Untold: "There is nothing here"}
	case e.Name == "unknown_instance":
		return words{"There is no such instance of " + host, "There is no such instance", "It has gone, or goes by another name now. The page of all routes has links to those that there are."}
	case e.Name == "routing_loop":
		return words{"This request goes round in circles", "This request goes round in circles", "It has come back to the router too often: a route leads to the router itself, perhaps by way of another proxy."}
	}
	return words{Title: "The router cannot route this request", Untold: "The router cannot route this request", Hint: e.Message}
}

// failureWords are for what became of an attempt.
func failureWords(e *proxy.RouterError, host, place string) words {
	w := words{Title: host + " is not answering", Untold: "This site is not answering"}
	switch health.Words(e.Err) {
	case "connection refused":
		w.Hint = "Nothing listens at " + e.Addr + ". Start the app, or correct its port" + place + "."
	case "no answer in time":
		w.Title = host + " took too long to answer"
		w.Hint = "The app at " + e.Addr + " has the request, or never took the connection. It may be stopped in a debugger, or busy."
	case "it closed the connection without an answer", "connection reset":
		w.Title = host + " broke off"
		w.Hint = "The app at " + e.Addr + " ended the connection without an answer. It may have crashed: its own log says more."
	case "its answer is not HTTP":
		w.Hint = "What listens at " + e.Addr + " does not speak HTTP, or speaks it over TLS: then write tls_port instead of the port."
	case "it does not speak TLS":
		w.Hint = "The route says that " + e.Addr + " speaks TLS, and it does not: write port instead of tls_port."
	case "its certificate is not trusted":
		w.Hint = "The certificate of " + e.Addr + " is by no authority that the router knows: add it to ca_certs in devrouter.yml."
	case "its certificate is for another name":
		w.Hint = "The certificate of " + e.Addr + " has another name than the route says: see server_cert_domain_san."
	default:
		w.Hint = "The router could not get an answer from " + e.Addr + ": " + reason(e) + "."
	}
	return w
}

// refusalWords are for a request that was sent to no endpoint of its route.
func refusalWords(e *proxy.RouterError, host string) words {
	switch {
	case e.Name == "Connection Limit Reached":
		return words{"Every instance of " + host + " is busy", "This site is busy", "Each has as many requests as backends.max_conns lets it have."}
	case e.Status == http.StatusRequestHeaderFieldsTooLarge:
		return words{"The head of this request is too large", "The head of this request is too large", "Too many cookies, as a rule: delete those of " + host + "."}
	case e.Status == http.StatusBadRequest:
		return words{"There is no such instance of " + host, "There is no such instance", e.Message}
	}
	return words{"The router did not pass this request on to " + host, "The router did not pass this request on", e.Message}
}

func reason(e *proxy.RouterError) string {
	if e.Err == nil {
		return e.Message
	}
	return health.Words(e.Err)
}
