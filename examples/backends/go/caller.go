package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Caller gives the claims of X-Menshen-Assertion; nil: nobody may be believed.
func Caller(request *http.Request, upstream string, keys jwt.Keyfunc) jwt.MapClaims {
	sent := strings.Join(request.Header.Values("X-Menshen-Assertion"), ",") // of two, one is not the gateway's
	token, err := jwt.Parse(sent, keys, jwt.WithValidMethods([]string{"ES256"}), jwt.WithIssuer("menshen"),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(30*time.Second))
	if err != nil || token.Header["typ"] != "JWT" || token.Header["crit"] != nil {
		return nil
	}
	claims := token.Claims.(jwt.MapClaims)
	if user, _ := claims.GetSubject(); user == "" || claims["aud"] != upstream {
		return nil
	}
	return claims
}
