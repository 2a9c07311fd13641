// Publishes one event. Its name, the idempotency key, is the last argument; without one it is random.
//
//	PUBLISH_TOKEN=<token> go run publish.go https://feed.example.com orders order.created '{"id": 7}' order-7-created
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	mathrand "math/rand"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	// A restart or a deploy of the server takes less than this.
	retryTime  = 60 * time.Second
	maxBackoff = 10 * time.Second
)

type event struct {
	Channel string          `json:"channel"`
	Type    string          `json:"type"`
	Data    json.RawMessage `json:"data"`
}

// refusal is the answer of a server that would refuse the same events again.
type refusal struct {
	status int
	reason string
}

func (r *refusal) Error() string { return r.reason }

// publish publishes events in one atomic step, and returns the server's answer.
//
// The key names this request, such as "order-7-created". The server knows a key for 24 hours, and stores its events once, so
// each attempt sends the same key. If the error is a refusal, correct the events first. After any other error, call publish
// again with the same key within this time: nothing is stored twice.
func publish(feed, token, key string, events ...event) (answer string, err error) {
	body, err := json.Marshal(events)
	if err != nil {
		return "", err
	}
	client := http.Client{
		Timeout: 30 * time.Second,
		// A redirected POST becomes a GET, which publishes nothing. So a redirect is an error.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	random := mathrand.New(mathrand.NewSource(time.Now().UnixNano()))
	end := time.Now().Add(retryTime)
	for backoff := time.Second / 2; ; backoff *= 2 {
		request, err := http.NewRequest("POST", strings.TrimRight(feed, "/")+"/api/events", bytes.NewReader(body))
		if err != nil {
			return "", err
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", key)
		if backoff > maxBackoff {
			backoff = maxBackoff
		}
		wait := time.Duration(random.Int63n(int64(backoff)))
		response, reason := client.Do(request)
		if reason == nil {
			var text []byte
			text, reason = io.ReadAll(response.Body) // The connection can break inside the answer.
			response.Body.Close()
			status := response.StatusCode
			if reason == nil && (status == 200 || status == 201) {
				return string(text), nil
			}
			if status != 429 && status < 500 && status >= 300 {
				return "", &refusal{status, describe(status, text)}
			}
			if reason == nil {
				reason = errors.New(describe(status, text))
			}
			seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
			wait += time.Duration(seconds) * time.Second
		}
		if time.Now().Add(wait).After(end) {
			return "", fmt.Errorf("the event could not be published in %s: %s", retryTime, reason)
		}
		time.Sleep(wait)
	}
}

// describe says why the server has not stored the events.
func describe(status int, body []byte) string {
	problem := struct{ Detail string }{}
	_ = json.Unmarshal(body, &problem)
	if problem.Detail == "" { // The body is no problem of our server.
		problem.Detail = http.StatusText(status)
		if status != 429 && status < 500 {
			problem.Detail += ". Is this the address of a Steadfeed app?"
		}
	}
	return fmt.Sprintf("the server answers %d: %s", status, problem.Detail)
}

func newKey() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		log.Fatal(err)
	}
	return hex.EncodeToString(bytes)
}

func stop(code int, text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(code)
}

func main() {
	if len(os.Args) != 5 && len(os.Args) != 6 {
		stop(2, "usage: publish <address> <channel> <type> <data as JSON> [<key>]")
	}
	if !regexp.MustCompile(`^https?://\S+$`).MatchString(os.Args[1]) {
		stop(2, "The address must begin with http:// or https://.")
	}
	if !json.Valid([]byte(os.Args[4])) {
		stop(2, "The data is no JSON.")
	}
	key := newKey()
	if len(os.Args) == 6 {
		key = os.Args[5]
	}
	one := event{Channel: os.Args[2], Type: os.Args[3], Data: json.RawMessage(os.Args[4])}
	answer, err := publish(os.Args[1], os.Getenv("PUBLISH_TOKEN"), key, one)
	if err != nil {
		advice := fmt.Sprintf("\nRun it again with the key %s as the last argument, within 24 hours: nothing is stored twice.", key)
		var refused *refusal
		if errors.As(err, &refused) {
			advice = ""
			if refused.status == 401 {
				advice = "\nSet PUBLISH_TOKEN in the environment to the publish token of the app."
			}
		}
		stop(1, err.Error()+advice)
	}
	fmt.Println(answer)
}
