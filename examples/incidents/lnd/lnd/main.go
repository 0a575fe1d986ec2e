// lnd: a daemon that follows the chain over two sockets and answers requests over HTTP.
package main

import (
	_ "expvar"
	"flag"
	"log"
	"net/http"
	_ "net/http/pprof"
)

func main() {
	listen := flag.String("restlisten", "127.0.0.1:10009", "requests")
	profile := flag.String("profile", "127.0.0.1:9736", "pprof and expvar")
	rpc := flag.String("bitcoind.rpchost", "127.0.0.1:8332", "JSON-RPC of the chain backend")
	zmq := flag.String("bitcoind.zmqpub", "127.0.0.1:28332", "its raw blocks and transactions")
	channels := flag.Int("channels", 250000, "channels of the public network")
	flag.Parse()

	chain := &bitcoindConn{
		rpc:    "http://" + *rpc,
		client: &http.Client{},
		graph:  loadGraph(*channels, 60),
	}
	for topic, handler := range map[string]func(*zmqConn){
		"rawtx": chain.txEventHandler, "rawblock": chain.blockEventHandler,
	} {
		conn, err := subscribe(*zmq, topic)
		if err != nil {
			log.Fatal(err)
		}
		go handler(conn)
	}
	go func() { log.Fatal(http.ListenAndServe(*profile, nil)) }()

	server := &rpcServer{chain}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/getinfo", server.getInfo)
	log.Fatal(http.ListenAndServe(*listen, mux))
}
