// Appends every event of a channel to a file, each event once and in order. Start it again after any end: it continues.
//
//	FEED_TOKEN=<read token> go run read.go https://feed.example.com orders orders.ndjson
//
// FEED_TOKEN is for private channels only. Each line of the file is {"cursor":…,"event":{…}}, or {"cursor":…,"gap":{…}}
// where events are gone.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// We ask for a heartbeat at least every 5 s. A stream that is silent for 2.5 times as long is dead.
	heartbeatSeconds = 5
	silence          = 12500 * time.Millisecond
	// No line of a stream or of the file is longer than this.
	maxLineBytes = 300_000
)

// openJournal opens the file and reads the cursor of its last line. If a kill has cut that line short, it removes it first.
func openJournal(path string) (journal *os.File, cursor string, err error) {
	journal, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, "", err
	}
	end, err := journal.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, "", err
	}
	start := end - 2*maxLineBytes
	if start < 0 {
		start = 0
	}
	tail, err := io.ReadAll(io.NewSectionReader(journal, start, end-start))
	if err != nil {
		return nil, "", err
	}
	whole := tail[:bytes.LastIndexByte(tail, '\n')+1]
	if err := journal.Truncate(start + int64(len(whole))); err != nil {
		return nil, "", err
	}
	if len(whole) == 0 {
		return journal, "", nil
	}
	last := whole[bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1:]
	var line struct{ Cursor string }
	err = json.Unmarshal(last, &line)
	return journal, line.Cursor, err
}

// frame has the fields of one frame, such as "id", "event" and "data".
type frame map[string]string

// readStream calls handle for each frame of one stream until it ends. retryAfter is what the server asks for, or 0.
func readStream(feed, channel, cursor string, handle func(frame)) (retryAfter time.Duration) {
	query := url.Values{"channel": {channel}, "heartbeat": {strconv.Itoa(heartbeatSeconds)}}
	if cursor == "" {
		query.Set("rewind", "all")
	} else {
		query.Set("after", cursor)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	request, err := http.NewRequestWithContext(ctx, "GET", feed+"/api/stream?"+query.Encode(), nil)
	if err != nil {
		log.Fatal(err)
	}
	if token := os.Getenv("FEED_TOKEN"); token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0 // The server cannot be reached.
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case 200:
	case 400, 401, 403:
		problem, _ := io.ReadAll(response.Body)
		log.Fatalf("The server refuses the request: %s", problem)
	default:
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return time.Duration(seconds) * time.Second
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return 0 // For example the page of a proxy.
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxLineBytes) // Its default is too short for the longest event.
	current := frame{}
	for lines.Scan() {
		watchdog.Reset(silence)
		if line := lines.Text(); line != "" {
			name, value, _ := strings.Cut(line, ": ")
			current[name] = value
			continue
		}
		handle(current)
		current = frame{}
	}
	return 0 // A frame without an empty line at its end is incomplete. The next stream brings it again.
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: read <address> <channel> <file>")
	}
	journal, cursor, err := openJournal(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	random := rand.New(rand.NewSource(time.Now().UnixNano()))
	for limit := time.Second; ; limit *= 2 {
		wait := readStream(os.Args[1], os.Args[2], cursor, func(next frame) {
			kind, named := next["event"]
			if !named {
				kind = "event"
			}
			switch kind {
			case "hello":
				limit = time.Second / 2
			case "event", "gap":
				if next["data"] == "" {
					return
				}
				// The event and its cursor are one line: a kill cannot separate them.
				_, err := fmt.Fprintf(journal, "{\"cursor\":%q,%q:%s}\n", next["id"], kind, next["data"])
				if err != nil {
					log.Fatal(err)
				}
				cursor = next["id"]
			}
		})
		if limit > 30*time.Second {
			limit = 30 * time.Second
		}
		// The random wait keeps readers apart that lost their streams together.
		time.Sleep(wait + time.Duration(random.Int63n(int64(limit))))
	}
}
