package demo

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed static
var static embed.FS

// staticFiles serves the folder's files, each at /<name>.
var staticFiles = http.FileServerFS(sub(static, "static"))

func sub(files fs.FS, folder string) fs.FS {
	inner, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // the folder is part of the program
	}
	return inner
}
