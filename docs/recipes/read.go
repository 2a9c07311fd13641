//go:build !windows

// Appends every event of a channel to a file, each event once and in order. Start it again after any end: it continues.
// It ends by itself when the channel has ended.
//
//	go run read.go https://feed.example.com orders orders.ndjson
//
// On Windows run it in WSL: it locks the file as Unix does.
//
// Each line of the file is {"cursor":…,"event":{…}}, or {"cursor":…,"gap":{…}} where events are gone.
//
// A private channel needs a read token: in FEED_TOKEN, or in a file that FEED_TOKEN_FILE names. The program reads that
// file before each request, so you can renew the token while it runs.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// We ask for a heartbeat at least every 5 s. A stream that is silent for 2.5 times as long is dead.
	heartbeatSeconds = 5
	silence          = 12500 * time.Millisecond
	// No line of a stream or of the file is longer than this.
	maxLineBytes = 300_000
	// Before the first event. With rewind=all the server would not report the events that are gone before we read one.
	start = "0-0"
)

// openJournal opens the file and reads the cursor of its last line. If a kill has cut that line short, it removes it first.
func openJournal(path string) (journal *os.File, cursor string, err error) {
	journal, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, "", err
	}
	// One program per file. The lock ends with this process, however it ends.
	err = syscall.Flock(int(journal.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, "", errors.New("another program writes to " + path + ". Give this one a file of its own, or end the other one")
	}
	if err != nil {
		return nil, "", err
	}
	end, err := journal.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, "", err
	}
	begin := end - 2*maxLineBytes
	if begin < 0 {
		begin = 0
	}
	tail, err := io.ReadAll(io.NewSectionReader(journal, begin, end-begin))
	if err != nil {
		return nil, "", err
	}
	whole := tail[:bytes.LastIndexByte(tail, '\n')+1]
	line := struct{ Cursor string }{start}
	if len(whole) > 0 {
		line.Cursor = ""
		last := whole[bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1:]
		if json.Unmarshal(last, &line) != nil || line.Cursor == "" {
			return nil, "", errors.New("the last line has no cursor. Give a file of this program, or a new one")
		}
	}
	return journal, line.Cursor, journal.Truncate(begin + int64(len(whole)))
}

func readToken() (string, error) {
	token := os.Getenv("FEED_TOKEN")
	if path := os.Getenv("FEED_TOKEN_FILE"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		token = string(text)
	}
	token = strings.TrimSpace(token)
	if !regexp.MustCompile(`^[!-~]*$`).MatchString(token) {
		return "", &refusal{"The token has spaces or lines in it. Make it with npm run --silent token."}
	}
	return token, nil
}

// refusal is an error that another attempt would not cure.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

// errEnded says that the channel has ended: no more events will come.
var errEnded = errors.New("the channel has ended")

// frame has the fields of one frame, such as "id", "event" and "data".
type frame map[string]string

// readStream calls handle for each frame of one stream until it ends, or handle fails. err says why there was no stream;
// retryAfter is what the server asks for, or 0.
func readStream(feed, channel, cursor string, handle func(frame) error) (retryAfter time.Duration, err error) {
	query := url.Values{"channel": {channel}, "heartbeat": {strconv.Itoa(heartbeatSeconds)}, "after": {cursor}}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	request, err := http.NewRequestWithContext(ctx, "GET", feed+"/api/stream?"+query.Encode(), nil)
	if err != nil {
		return 0, &refusal{err.Error()}
	}
	token, err := readToken()
	if err != nil {
		return 0, err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, rootOf(err) // The server cannot be reached.
	}
	defer response.Body.Close()
	if response.StatusCode == 204 {
		return 0, errEnded // The cursor is at the end.
	}
	if status := response.StatusCode; status != 200 {
		reason := fmt.Errorf("the server answers %d: %s", response.StatusCode, detailOf(response))
		canRenew := status == 401 && os.Getenv("FEED_TOKEN_FILE") != ""
		if (status == 400 || status == 401 || status == 403) && !canRenew {
			return 0, &refusal{fmt.Sprintf("Cannot read %s: %s", feed, reason)}
		}
		seconds, _ := strconv.Atoi(response.Header.Get("Retry-After"))
		return time.Duration(seconds) * time.Second, reason
	}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		return 0, errors.New("the answer is no stream") // For example the page of a proxy.
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
		if err := handle(current); err != nil {
			return 0, err
		}
		current = frame{}
	}
	// A frame without an empty line at its end is incomplete. The next stream brings it again.
	return 0, errors.New("the stream ended before its first frame")
}

// rootOf is an error without the address and the ports, which differ each time.
func rootOf(err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("no answer within %s", silence)
	}
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// detailOf is the reason in the body of a refusal, if our server has written it.
func detailOf(response *http.Response) string {
	problem := struct{ Detail string }{}
	_ = json.NewDecoder(io.LimitReader(response.Body, maxLineBytes)).Decode(&problem)
	if problem.Detail == "" {
		problem.Detail = http.StatusText(response.StatusCode)
		if response.StatusCode != 429 && response.StatusCode < 500 {
			problem.Detail += ". Is this the address of a Steadfeed app?"
		}
	}
	return problem.Detail
}

// readFeed calls handle for each event and each gap after the cursor, in order, and waits for more. The kind is "event" or
// "gap"; data is JSON text. Store the cursor in the step that stores what you make of the data, and give the stored one to
// the next call: then a kill repeats nothing and loses nothing. It ends with an error of handle, or with a refusal; with nil
// when the channel has ended.
func readFeed(feed, channel, cursor string, handle func(cursor, kind, data string) error) error {
	random := rand.New(rand.NewSource(time.Now().UnixNano()))
	reported := ""
	for limit := time.Second; ; limit *= 2 {
		isOpen := false
		wait, err := readStream(feed, channel, cursor, func(next frame) error {
			kind, named := next["event"]
			if !named {
				kind = "event"
			}
			switch kind {
			case "hello":
				limit, reported, isOpen = time.Second/2, "", true
			case "event", "gap":
				if next["data"] == "" {
					return nil
				}
				cursor = next["id"]
				if err := handle(cursor, kind, next["data"]); err != nil {
					return &refusal{err.Error()}
				}
			case "end":
				return errEnded
			}
			return nil
		})
		if errors.Is(err, errEnded) {
			return nil
		}
		var final *refusal
		if errors.As(err, &final) {
			return final
		}
		// An open stream may break at any time. But tell, once, why we cannot open one.
		if !isOpen && err.Error() != reported {
			reported = err.Error()
			log.Printf("Cannot read %s: %s", feed, sentence(reported)+" It tries again.")
		}
		if limit > 30*time.Second {
			limit = 30 * time.Second
		}
		// The random wait keeps readers apart that lost their streams together.
		time.Sleep(wait + time.Duration(random.Int63n(int64(limit))))
	}
}

func sentence(text string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") {
		return text
	}
	return text + "."
}

func stop(text string) {
	fmt.Fprintln(os.Stderr, text)
	os.Exit(2)
}

func main() {
	if len(os.Args) != 4 {
		stop("usage: read <address> <channel> <file>")
	}
	feed := strings.TrimRight(os.Args[1], "/")
	if !regexp.MustCompile(`^https?://\S+$`).MatchString(feed) {
		stop("The address must begin with http:// or https://.")
	}
	journal, cursor, err := openJournal(os.Args[3])
	if err != nil {
		log.Fatalf("The file cannot be opened: %s", err)
	}
	// The event and its cursor are one line: a kill cannot separate them.
	err = readFeed(feed, os.Args[2], cursor, func(cursor, kind, data string) error {
		_, err := fmt.Fprintf(journal, "{\"cursor\":%q,%q:%s}\n", cursor, kind, data)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}
