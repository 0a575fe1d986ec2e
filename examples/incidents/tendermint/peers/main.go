// peers: other nodes, that connect, take some block parts, and leave again. Each signal USR1 changes how they leave:
// with a goodbye (a message of no length) and reading to the end, or as a node does whose network broke: silence, then
// a reset.
package main

import (
	"encoding/binary"
	"flag"
	"io"
	"log"
	"net"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

const silence = 50 * time.Millisecond

var abrupt atomic.Bool

func visit(address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	vote := make([]byte, 4+100)
	binary.BigEndian.PutUint32(vote, 100)
	conn.Write(vote)
	io.CopyN(io.Discard, conn, 256<<10)
	if abrupt.Load() {
		time.Sleep(silence)
		conn.(*net.TCPConn).SetLinger(0)
		return
	}
	conn.Write(make([]byte, 4))
	io.Copy(io.Discard, conn)
}

func main() {
	address := flag.String("address", "127.0.0.1:26656", "the node")
	every := flag.Duration("every", 125*time.Millisecond, "from one round of visits to the next")
	together := flag.Int("together", 1, "visits of a round")
	flag.Parse()

	change := make(chan os.Signal, 1)
	signal.Notify(change, syscall.SIGUSR1)
	go func() {
		for range change {
			abrupt.Store(!abrupt.Load())
		}
	}()
	for range time.Tick(*every) {
		var visits sync.WaitGroup
		for i := 0; i < *together; i++ {
			visits.Add(1)
			go func() { defer visits.Done(); visit(*address) }()
		}
		visits.Wait()
	}
}
