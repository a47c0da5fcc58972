package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"sync"
	"time"
)

// Keys of the gateway: kept for 300 s, for 900 s where no newer ones can be had; an unknown kid fetches, at most every
// 5 s.
type Keys struct {
	URL            string
	mutex          sync.Mutex
	keys           map[string]*ecdsa.PublicKey
	fetched, tried time.Time
}

var client = http.Client{Timeout: 3 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error {
	return http.ErrUseLastResponse
}}

func (k *Keys) of(kid string) *ecdsa.PublicKey {
	k.mutex.Lock()
	defer k.mutex.Unlock()
	if (k.keys[kid] == nil || time.Since(k.fetched) > 300*time.Second) && time.Since(k.tried) > 5*time.Second {
		k.tried = time.Now()
		k.fetch()
	}
	if time.Since(k.fetched) > 900*time.Second {
		return nil
	}
	return k.keys[kid]
}

func (k *Keys) fetch() {
	answer, err := client.Get(k.URL)
	if err != nil {
		return
	}
	defer answer.Body.Close()
	var set struct {
		Keys []struct{ Kid, Crv, X, Y string }
	}
	if json.NewDecoder(io.LimitReader(answer.Body, 65536)).Decode(&set) != nil || answer.StatusCode != 200 {
		return
	}
	k.keys, k.fetched = map[string]*ecdsa.PublicKey{}, time.Now()
	for _, key := range set.Keys {
		x, wrong := base64url.DecodeString(key.X)
		y, wrongToo := base64url.DecodeString(key.Y)
		if key.Crv == "P-256" && wrong == nil && wrongToo == nil {
			k.keys[key.Kid] = &ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(x), Y: new(big.Int).SetBytes(y)}
		}
	}
}
