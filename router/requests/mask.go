package requests

import (
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// What people are shown must not hand a session or a password to whoever looks
// over their shoulder, or into the file that they send to a colleague.

// Mask leaves of a secret how long it is and, of a long one, how it begins: enough
// to tell two apart, too little to use one.
func Mask(secret string) string {
	const long, hint = 20, 4
	switch {
	case secret == "":
		return ""
	case len(secret) >= long:
		return strings.ToValidUTF8(secret[:hint], "\uFFFD") + "***(" + strconv.Itoa(len(secret)) + ")"
	}
	return "***(" + strconv.Itoa(len(secret)) + ")"
}

// MaskHeader masks the value of a header where it holds a secret. name is in its
// canonical form.
func MaskHeader(name, value string) string {
	switch name {
	case "Authorization", "Proxy-Authorization":
		return maskCredentials(value)
	case "Cookie":
		return maskCookies(value)
	case "Set-Cookie":
		return maskSetCookie(value)
	case "Location", "Content-Location", "Referer", "X-Cf-Forwarded-Url", "Refresh", "Link":
		return MaskURL(value)
	}
	if isSecretName(name) {
		return Mask(value)
	}
	return value
}

// maskCredentials keeps the scheme: Bearer, Basic.
func maskCredentials(value string) string {
	scheme, secret, ok := strings.Cut(value, " ")
	if !ok || len(scheme) > 20 {
		return Mask(value)
	}
	return scheme + " " + Mask(secret)
}

// maskCookies keeps the cookies' names.
func maskCookies(value string) string {
	pairs := strings.Split(value, ";")
	for i, pair := range pairs {
		name, secret, ok := strings.Cut(pair, "=")
		if strings.HasPrefix(strings.TrimSpace(name), "__VCAP_ID_") {
			continue // the id of an instance, which the table shows
		}
		if ok {
			pairs[i] = name + "=" + Mask(secret)
		} else if strings.TrimSpace(pair) != "" {
			pairs[i] = Mask(pair) // a value without a name
		}
	}
	return strings.Join(pairs, ";")
}

// maskSetCookie keeps the name and the attributes.
func maskSetCookie(value string) string {
	pair, attributes, more := strings.Cut(value, ";")
	pair = maskCookies(pair)
	if more {
		return pair + ";" + attributes
	}
	return pair
}

// secretName finds the names of what is a secret, in headers, queries, forms and
// JSON alike. They are matched in lower case, with "_" for "-" and ".".
var secretName = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`token|secret|passw|passphrase|pwd|api_?key|apikey|access_?key|private_?key|credential|signature|jwt|assertion|` +
		`^(auth|authorization|code|key|sig|sid|session|session_?id|otp|pin)$`)
})

var unifyName = strings.NewReplacer("-", "_", ".", "_")

func isSecretName(name string) bool {
	return secretName().MatchString(unifyName.Replace(strings.ToLower(name)))
}

// MaskURL masks the secrets in a URL, or in its path and query: a password, and
// values in the query.
func MaskURL(s string) string {
	s, fragment, hasFragment := strings.Cut(s, "#")
	address, query, hasQuery := strings.Cut(s, "?")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		authority, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			user, password, hasPassword := strings.Cut(authority[:at], ":")
			if hasPassword {
				user += ":" + Mask(password)
			}
			address = scheme + "://" + user + authority[at:] + strings.TrimPrefix(rest, authority)
		}
	}
	if hasQuery {
		address += "?" + MaskForm(query)
	}
	if hasFragment {
		address += "#" + MaskForm(fragment) // where some logins put their tokens
	}
	return address
}

// MaskForm masks values of a query or a form, and leaves the rest as it is.
func MaskForm(form string) string {
	if !strings.Contains(form, "=") {
		return form
	}
	pairs := strings.Split(form, "&")
	for i, pair := range pairs {
		name, value, ok := strings.Cut(pair, "=")
		if ok && isSecretName(unescaped(name)) {
			pairs[i] = name + "=" + Mask(value)
		}
	}
	return strings.Join(pairs, "&")
}

// unescaped undoes percent encoding as far as it is one: pass%77ord is a password.
func unescaped(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// jsonText matches a member of a JSON object whose value is a text, cut off at the
// end perhaps: what was kept of a body may be its beginning only.
var jsonText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`"((?:[^"\\]|\\.){1,64})"(\s*:\s*)"((?:[^"\\]|\\.)*)("|\\?$)`)
})

// MaskBody masks secrets in a body, as far as its type says where they are.
func MaskBody(contentType, body string) string {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case kind == "application/x-www-form-urlencoded":
		return MaskForm(body)
	case kind == "application/json", strings.HasSuffix(kind, "+json"):
		return jsonText().ReplaceAllStringFunc(body, maskMember)
	}
	return body
}

func maskMember(member string) string {
	m := jsonText().FindStringSubmatch(member)
	if !isSecretName(m[1]) {
		return member
	}
	return `"` + m[1] + `"` + m[2] + `"` + Mask(m[3]) + m[4]
}
