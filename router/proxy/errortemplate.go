package proxy

import (
	"net/http"
	"text/template/parse"

	template "github.com/DataDog/datadog-agent/pkg/template/html"
)

// ParsePage reads a template in Go's html/template language for Errors.Page. Of
// methods it knows those that a page has a use for: .Header.Get and .Header.Values.
// They are called as functions, since the template package calls no methods: to
// call them by name the linker would have to keep every method in the program.
func ParsePage(text string) (*template.Template, error) {
	page, err := template.New("html-error").Funcs(headerMethods).Parse(text)
	if err != nil {
		return nil, err
	}
	for _, t := range page.Templates() {
		if t.Tree != nil && t.Tree.Root != nil {
			callHeaders(t.Tree.Root)
		}
	}
	return page, nil
}

var headerMethods = template.FuncMap{"Get": http.Header.Get, "Values": http.Header.Values}

// callHeaders turns the calls of methods below a node into calls of functions.
func callHeaders(node parse.Node) {
	switch n := node.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				callHeaders(child)
			}
		}
	case *parse.ActionNode:
		callHeaders(n.Pipe)
	case *parse.TemplateNode:
		callHeaders(n.Pipe)
	case *parse.IfNode:
		callInBranch(&n.BranchNode)
	case *parse.RangeNode:
		callInBranch(&n.BranchNode)
	case *parse.WithNode:
		callInBranch(&n.BranchNode)
	case *parse.ChainNode:
		callHeaders(n.Node)
	case *parse.PipeNode:
		if n != nil {
			for _, command := range n.Cmds {
				callHeaders(command)
			}
		}
	case *parse.CommandNode:
		for _, arg := range n.Args {
			callHeaders(arg)
		}
		if header, method, ok := methodOf(n.Args[0]); ok {
			n.Args = append([]parse.Node{parse.NewIdentifier(method).SetPos(n.Pos), header}, n.Args[1:]...)
		}
	}
}

func callInBranch(n *parse.BranchNode) {
	callHeaders(n.Pipe)
	callHeaders(n.List)
	callHeaders(n.ElseList)
}

// methodOf takes the method from the end of .Header.Get, $.Header.Get, $h.Get or
// (pipeline).Get.
func methodOf(node parse.Node) (receiver parse.Node, method string, ok bool) {
	cut := func(names *[]string, least int) bool {
		if len(*names) <= least {
			return false
		}
		method = (*names)[len(*names)-1]
		if _, ok = headerMethods[method]; ok {
			*names = (*names)[:len(*names)-1]
		}
		return ok
	}
	switch n := node.(type) {
	case *parse.FieldNode:
		if len(n.Ident) == 1 && cut(&n.Ident, 0) { // of {{with .Header}}{{.Get}}
			return &parse.DotNode{NodeType: parse.NodeDot, Pos: n.Pos}, method, true
		}
		return n, method, cut(&n.Ident, 1)
	case *parse.VariableNode:
		return n, method, cut(&n.Ident, 1)
	case *parse.ChainNode:
		if len(n.Field) == 1 && cut(&n.Field, 0) {
			return n.Node, method, true
		}
		return n, method, cut(&n.Field, 1)
	}
	return nil, "", false
}
