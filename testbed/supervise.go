package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// component is one program of the testbed, as `cargo xtask testbed up` wrote it
// to components.json. They are started in order and stopped in reverse.
type component struct {
	Name  string   `json:"name"`
	Path  string   `json:"path"`
	Args  []string `json:"args"`
	Ready *probe   `json:"ready,omitempty"`
}

// probe says when a component is ready, so that the next one may be started:
// once url answers 200 to token over TLS signed by the certificate in the file ca.
type probe struct {
	URL   string `json:"url"`
	Token string `json:"token"`
	CA    string `json:"ca"`
}

// grace is how long a component may take to stop before it is killed.
const grace = 5 * time.Second

// supervise runs the components of dir until one of them ends, a signal comes,
// or whoever started us goes away before saying that the start went well.
//
// Nothing outlives this process: each child asks the kernel to be killed when
// its parent dies, which is why all of them are started from one locked thread.
func supervise(dir string) error {
	runtime.LockOSThread()
	components, err := readComponents(dir)
	if err != nil {
		return err
	}
	pid := []byte(strconv.Itoa(os.Getpid()) + "\n")
	if err := os.WriteFile(filepath.Join(dir, "pid"), pid, 0o600); err != nil {
		return err
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	signal.Ignore(syscall.SIGHUP)

	exited := make(chan string, len(components))
	gone := abandoned()
	var running []*child
	defer func() { stopAll(running) }()
	// stopped waits for wake, or for a reason to stop.
	stopped := func(wake <-chan time.Time) (bool, error) {
		select {
		case <-wake:
			return false, nil
		case <-signals:
			return true, nil
		case <-gone:
			return true, nil
		case name := <-exited:
			return true, fmt.Errorf("%s ended; see %s", name, filepath.Join(dir, "log", name+".log"))
		}
	}
	for _, c := range components {
		started, err := start(dir, c, exited)
		if err != nil {
			return err
		}
		running = append(running, started)
		for c.Ready != nil && !c.Ready.answers() {
			if stop, err := stopped(time.After(50 * time.Millisecond)); stop {
				return err
			}
		}
	}
	_, err = stopped(nil)
	return err
}

func (p *probe) answers() bool {
	ca, err := os.ReadFile(p.CA)
	if err != nil {
		return false // the server has not written it yet
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client := http.Client{
		Timeout:   2 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	request, err := http.NewRequest(http.MethodGet, p.URL, nil)
	if err != nil {
		return false
	}
	request.Header.Set("Authorization", "Bearer "+p.Token)
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func readComponents(dir string) ([]component, error) {
	text, err := os.ReadFile(filepath.Join(dir, "components.json"))
	if err != nil {
		return nil, err
	}
	var components []component
	return components, json.Unmarshal(text, &components)
}

type child struct {
	process *os.Process
	done    chan struct{}
}

func start(dir string, c component, exited chan<- string) (*child, error) {
	log, err := os.Create(filepath.Join(dir, "log", c.Name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	command := exec.Command(c.Path, c.Args...)
	command.Dir, command.Stdout, command.Stderr = dir, log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := command.Start(); err != nil {
		return nil, err
	}
	started := &child{process: command.Process, done: make(chan struct{})}
	go func() {
		_ = command.Wait()
		close(started.done)
		exited <- c.Name
	}()
	return started, nil
}

func stopAll(children []*child) {
	for i := len(children) - 1; i >= 0; i-- {
		_ = children[i].process.Signal(syscall.SIGTERM)
		select {
		case <-children[i].done:
		case <-time.After(grace):
			_ = children[i].process.Kill()
			<-children[i].done
		}
	}
}

// abandoned reports that standard input ended without the line "ready": the
// `up` that started us was killed half way.
func abandoned() <-chan struct{} {
	gone := make(chan struct{})
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		if line != "ready\n" {
			close(gone)
		}
	}()
	return gone
}
