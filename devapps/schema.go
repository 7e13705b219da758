package devapps

import (
	"bytes"
	_ "embed"
)

//go:embed routes.schema.json
var schema []byte

// Schema returns the JSON schema (draft-07) of a routes.yaml, for editors. It
// takes every file that Parse takes; what it cannot see (an address that two apps
// claim, say) only Parse reports. An overlay is described by its definition
// "overlay".
func Schema() []byte { return bytes.Clone(schema) }
