// Publishes one event.
//
//	PUBLISH_TOKEN=<token> go run publish.go https://feed.example.com orders order.created '{"id": 7}'
package main

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

const attempts = 6

type event struct {
	Channel string          `json:"channel"`
	Type    string          `json:"type"`
	Data    json.RawMessage `json:"data"`
}

// publish publishes events in one atomic step, and returns the server's answer.
//
// The server stores the events of an idempotency key once. So each attempt sends the same key: an answer that got lost does
// no harm. Pass a key of your own, such as "order-7-created", if your program itself may run twice.
func publish(feed, token, key string, events ...event) (answer string, err error) {
	body, err := json.Marshal(events)
	if err != nil {
		return "", err
	}
	client := http.Client{Timeout: 30 * time.Second}
	for attempt := 0; attempt < attempts; attempt++ {
		request, err := http.NewRequest("POST", feed+"/api/events", bytes.NewReader(body))
		if err != nil {
			return "", err
		}
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", key)
		wait := time.Second / 2 << attempt
		response, failure := client.Do(request)
		if failure == nil {
			text, unread := io.ReadAll(response.Body)
			response.Body.Close()
			status := response.StatusCode
			switch {
			case unread != nil: // The connection broke inside the answer.
			case status == 200 || status == 201:
				return string(text), nil
			case status != 429 && status < 500:
				return "", fmt.Errorf("the server refuses the event: %s", text)
			}
			seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
			wait += time.Duration(seconds) * time.Second
		}
		time.Sleep(wait)
	}
	return "", fmt.Errorf("the event could not be published in %d attempts", attempts)
}

func newKey() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		log.Fatal(err)
	}
	return hex.EncodeToString(bytes)
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: publish <address> <channel> <type> <data as JSON>")
	}
	one := event{Channel: os.Args[2], Type: os.Args[3], Data: json.RawMessage(os.Args[4])}
	answer, err := publish(os.Args[1], os.Getenv("PUBLISH_TOKEN"), newKey(), one)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
}
