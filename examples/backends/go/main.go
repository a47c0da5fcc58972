// A backend: GET anything, and it says who called. MENSHEN_JWKS, MENSHEN_UPSTREAM, PORT.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	keys, upstream := &Keys{URL: os.Getenv("MENSHEN_JWKS")}, os.Getenv("MENSHEN_UPSTREAM")
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PORT"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("ready http://%s\n", listener.Addr())
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(response http.ResponseWriter, request *http.Request) {
		response.Header().Set("Content-Type", "application/json")
		answer := map[string]string{"reason": "assertion_invalid"}
		if caller := Who(request, upstream, keys); caller != nil {
			answer = map[string]string{"uid": caller.Sub}
		} else {
			response.WriteHeader(http.StatusForbidden)
		}
		_ = json.NewEncoder(response).Encode(answer)
	})))
}
