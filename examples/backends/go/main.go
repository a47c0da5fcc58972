// A backend: GET anything, and it says who called. MENSHEN_JWKS, MENSHEN_UPSTREAM, PORT.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	keys, err := Keys(context.Background(), os.Getenv("MENSHEN_JWKS"))
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ready http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		response.Header().Set("Content-Type", "application/json")
		answer := map[string]any{"reason": "assertion_invalid"}
		if caller := Caller(request, os.Getenv("MENSHEN_UPSTREAM"), keys.Keyfunc); caller != nil {
			answer = map[string]any{"uid": caller["sub"]}
		} else {
			response.WriteHeader(http.StatusForbidden)
		}
		_ = json.NewEncoder(response).Encode(answer)
	})))
}
