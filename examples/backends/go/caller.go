package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Caller is who calls, as X-Menshen-Assertion says.
type Caller struct {
	Iss, Aud, Sub, Sid, Platform, App, Appid, Openid, Unionid, Account string
	Claims                                                             map[string]string
	Iat, Exp                                                           int64
}

var (
	compact   = regexp.MustCompile(`^[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]$`)
	base64url = base64.RawURLEncoding.Strict()
)

// Who gives the caller; nil: nobody may be believed.
func Who(request *http.Request, upstream string, keys *Keys) *Caller {
	sent := request.Header.Values("X-Menshen-Assertion")
	if len(sent) != 1 || len(sent[0]) > 8192 || !compact.MatchString(sent[0]) {
		return nil
	}
	parts := strings.Split(sent[0], ".")
	header, caller := struct{ Alg, Typ, Kid string }{}, Caller{}
	if !read(parts[0], &header, true) || header.Alg != "ES256" || header.Typ != "JWT" {
		return nil
	}
	key, digest := keys.of(header.Kid), sha256.Sum256([]byte(parts[0]+"."+parts[1]))
	signature, _ := base64url.DecodeString(parts[2])
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if key == nil || !ecdsa.Verify(key, digest[:], r, s) || !read(parts[1], &caller, false) {
		return nil
	}
	now := time.Now().Unix()
	if caller.Iss != "menshen" || caller.Aud != upstream || caller.Sub == "" || caller.Iat > now+30 || now >= caller.Exp+30 {
		return nil
	}
	return &caller
}

func read(part string, into any, strict bool) bool {
	text, err := base64url.DecodeString(part)
	decoder := json.NewDecoder(bytes.NewReader(text))
	if strict { // nothing else in the header may choose how it is verified
		decoder.DisallowUnknownFields()
	}
	return err == nil && decoder.Decode(into) == nil
}
