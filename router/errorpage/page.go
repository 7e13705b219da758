package errorpage

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"sync"
	"time"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

// The page is one file on its way to the browser: it must show when nothing else
// can be had.
var (
	//go:embed assets/page.html
	pageHTML string
	//go:embed assets/page.css
	pageCSS string
	//go:embed assets/page.js
	pageJS string
)

var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(asks).Parse(pageHTML))
})

// asks are what the page asks of its facts: its templates call no methods, for
// which the linker would have to keep every method in the program.
var asks = template.FuncMap{
	"began":  instanceFacts.Began,
	"isZero": time.Time.IsZero,
	"utc":    func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") },
}

// policy lets the page run and look as it was written and load nothing, whatever a
// stranger's name might bring in.
var policy = "default-src 'none'; style-src " + hash(pageCSS) + "; script-src " + hash(pageJS) +
	"; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'"

func hash(part string) string {
	sum := sha256.Sum256([]byte(part))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// render returns the page. html/template escapes what it puts in.
func render(f *facts) ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplate().Execute(&b, struct {
		*facts
		Style  template.CSS
		Script template.JS
	}{f, template.CSS(pageCSS), template.JS(pageJS)}) //nolint:gosec // our own
	return b.Bytes(), err
}
