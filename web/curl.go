package web

import "strings"

// curl writes a request as a command that a POSIX shell reads: what came over the
// wire is in single quotes, where nothing has a meaning but the quote.
func curl(d *RequestDetail) string {
	words := []string{"curl", "-i"}
	switch d.Method {
	case "GET":
	case "HEAD":
		words = append(words, "--head")
	default:
		words = append(words, "-X", quoted(d.Method))
	}
	if d.Sent != nil {
		for _, h := range d.Sent.Headers {
			words = append(words, curlHeader(h)...)
		}
		words = append(words, curlBody(&d.Sent.Body)...)
	}
	words = append(words, "--path-as-is", "-g", "--url", quoted(d.URL))
	return strings.Join(words, " ")
}

// curlHeader leaves out what curl sets itself.
func curlHeader(h Header) []string {
	switch h.Name {
	case "Content-Length", "Connection", "Transfer-Encoding", "Accept-Encoding":
		return nil
	}
	if h.Value == "" {
		return []string{"-H", quoted(h.Name + ";")}
	}
	return []string{"-H", quoted(h.Name + ": " + h.Value)}
}

func curlBody(b *Body) []string {
	switch {
	case b.Text != "" && b.Decoded == "":
		return []string{"--data-raw", quoted(b.Text)}
	case b.Kept > 0:
		return []string{"--data-binary", "@body"} // it is no text: who sends it has it in a file
	}
	return nil
}

// quoted is safe in every POSIX shell. A control character would steer the terminal
// that it is pasted into.
func quoted(s string) string {
	clean := strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
	return "'" + strings.ReplaceAll(clean, "'", `'\''`) + "'"
}
