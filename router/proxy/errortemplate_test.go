package proxy

import (
	std "html/template"
	"net/http"
	"strings"
	"testing"
)

// Pages are written for Go's html/template, with the methods of a header.
func TestPagesMeanWhatTheyMeanToGo(t *testing.T) {
	header := http.Header{"X-Cf-Routererror": {"<a>", "b"}}
	for _, text := range []string{
		`{{.Status}} {{.StatusText}} {{.Message}}`,
		`{{.Header.Get "X-Cf-RouterError"}} {{$.Header.Get "none"}} {{index .Header "X-Cf-Routererror"}}`,
		`{{if .Header.Get "X-Cf-RouterError"}}{{with .Header}}{{.Get "X-Cf-RouterError"}}{{end}}{{else}}none{{end}}`,
		`{{with $h := .Header}}{{$h.Get "X-Cf-RouterError" | printf "%q"}}{{end}}`,
		`{{range .Header.Values "X-Cf-RouterError"}}<i title="{{.}}">{{.}}</i>{{end}} {{(.Header).Get "X-Cf-RouterError"}}`,
		`{{define "x"}}<a href="?e={{.Header.Get "X-Cf-RouterError"}}">{{end}}{{template "x" .}}{{"X-Cf-RouterError" | .Header.Get}}`,
		`<script>var e = {{.Header.Get "X-Cf-RouterError"}}</script>{{len (.Header.Get "X-Cf-RouterError")}}{{printf "%s" (.Header.Get "none")}}`,
	} {
		page, err := ParsePage(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		e := routerError{404, "Not Found", "Requested route ('<x>') does not exist."}
		got, err := e.render(page, header)
		var want strings.Builder
		wantErr := std.Must(std.New("").Parse(text)).Execute(&want, struct {
			Status              int
			StatusText, Message string
			Header              http.Header
		}{e.status, e.text, e.message, header})
		if err != nil || wantErr != nil || got != want.String() {
			t.Errorf("%s:\ngot  %s, %v\nwant %s, %v", text, got, err, want.String(), wantErr)
		}
	}
}
