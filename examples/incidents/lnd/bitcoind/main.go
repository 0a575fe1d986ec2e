// bitcoind as lnd sees it: raw blocks and transactions published on a socket each, and JSON-RPC for single questions.
// A subscriber names its topic in one line and is then sent messages of three frames (topic, body, sequence number),
// each frame its length in 8 bytes and then itself.
package main

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"flag"
	"log"
	"math/rand"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	blockSize = 1 << 20
	txSize    = 420
)

// Set while the node rescans its chain and publishes all it passes, as fast as subscribers read.
var rescanning atomic.Bool

func pseudoRandom(size int, seed int64) []byte {
	body := make([]byte, size)
	rand.New(rand.NewSource(seed)).Read(body)
	return body
}

func writeFrame(out *bufio.Writer, frame []byte) error {
	var size [8]byte
	binary.BigEndian.PutUint64(size[:], uint64(len(frame)))
	if _, err := out.Write(size[:]); err != nil {
		return err
	}
	_, err := out.Write(frame)
	return err
}

func publish(conn net.Conn) {
	defer conn.Close()
	topic, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return
	}
	topic = strings.TrimSpace(topic)
	body, calm := pseudoRandom(txSize, 1), 50*time.Millisecond
	if topic == "rawblock" {
		body, calm = pseudoRandom(blockSize, 2), 2*time.Second
	}
	out := bufio.NewWriterSize(conn, 128<<10)
	var sequence [4]byte
	for number := uint32(0); ; number++ {
		binary.LittleEndian.PutUint32(sequence[:], number)
		binary.LittleEndian.PutUint32(body, number)
		for _, frame := range [][]byte{[]byte(topic), body, sequence[:]} {
			if writeFrame(out, frame) != nil {
				return
			}
		}
		if rescanning.Load() {
			continue
		}
		if out.Flush() != nil {
			return
		}
		for until := time.Now().Add(calm); time.Now().Before(until) && !rescanning.Load(); {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func serveRPC(answer http.ResponseWriter, request *http.Request) {
	var call struct {
		Method string            `json:"method"`
		Params []json.RawMessage `json:"params"`
	}
	if err := json.NewDecoder(request.Body).Decode(&call); err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	var result interface{}
	switch call.Method {
	case "gettxout":
		result = map[string]interface{}{"confirmations": 144, "value": 0.05}
	case "rescanblockchain":
		rescanning.Store(true)
	case "abortrescan":
		rescanning.Store(false)
	default:
		http.Error(answer, "Method not found", http.StatusNotFound)
		return
	}
	json.NewEncoder(answer).Encode(map[string]interface{}{"result": result})
}

func main() {
	rpc := flag.String("rpcbind", "127.0.0.1:8332", "JSON-RPC")
	zmq := flag.String("zmqpub", "127.0.0.1:28332", "raw blocks and transactions")
	flag.Parse()
	listener, err := net.Listen("tcp", *zmq)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.ListenAndServe(*rpc, http.HandlerFunc(serveRPC))) }()
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go publish(conn)
	}
}
