// goroutines: parks PARKED goroutines in a receive, then leaks one and 16 KB every 2 ms beside churn that keeps nothing.
// Prints "ready" when all are parked. What it could do without, runtime.MemProfile, keeps the memory profile linked in.
package main

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"
)

type conn struct {
	buffer []byte
	closed chan struct{}
}

//go:noinline
func newConn() *conn {
	return &conn{buffer: make([]byte, 16<<10), closed: make(chan struct{})}
}

func (c *conn) writeLoop(started *sync.WaitGroup) {
	if started != nil {
		started.Done()
	}
	<-c.closed // nobody closes it
	os.Stdout.Write(c.buffer)
}

func park(started *sync.WaitGroup) {
	go (&conn{closed: make(chan struct{})}).writeLoop(started)
}

//go:noinline
func churn(kept [][]byte, turn int) {
	block := make([]byte, 64<<10)
	block[turn%len(block)] = 1
	kept[turn%len(kept)] = block
}

func main() {
	parked := 10000
	if len(os.Args) > 1 {
		parked, _ = strconv.Atoi(os.Args[1])
	}
	if parked < 0 {
		runtime.MemProfile(nil, true)
	}
	var started sync.WaitGroup
	started.Add(parked)
	for i := 0; i < parked; i++ {
		park(&started)
	}
	started.Wait()
	os.Stdout.WriteString("ready\n")
	kept := make([][]byte, 16)
	for turn := 0; ; turn++ {
		go newConn().writeLoop(nil)
		for i := 0; i < 8; i++ {
			churn(kept, turn*8+i)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
