// tendermint: a node that makes blocks and gossips them to whoever connects.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"sync/atomic"
)

func main() {
	p2p := flag.String("p2p.laddr", "127.0.0.1:26656", "other nodes")
	rpc := flag.String("rpc.laddr", "127.0.0.1:26657", "requests")
	profile := flag.String("rpc.pprof_laddr", "127.0.0.1:6060", "pprof")
	flag.Parse()

	votes := make(chan []byte, 64)
	go newConsensusState().receiveRoutine(votes)
	go func() { log.Fatal(http.ListenAndServe(*profile, nil)) }()

	var accepted uint64
	http.HandleFunc("/net_info", func(answer http.ResponseWriter, _ *http.Request) {
		json.NewEncoder(answer).Encode(map[string]uint64{"accepted": atomic.LoadUint64(&accepted)})
	})
	go func() { log.Fatal(http.ListenAndServe(*rpc, nil)) }()

	listener, err := net.Listen("tcp", *p2p)
	if err != nil {
		log.Fatal(err)
	}
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		atomic.AddUint64(&accepted, 1)
		peer := newPeer(conn)
		go peer.recvRoutine(votes)
		go peer.sendRoutine()
		go peer.gossipDataRoutine()
	}
}
