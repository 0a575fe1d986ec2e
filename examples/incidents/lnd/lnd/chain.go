package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"sync/atomic"
)

type outPoint struct {
	hash  [32]byte
	index uint32
}

// bitcoindConn is what the daemon knows of the chain: two subscriptions, and JSON-RPC for single questions.
type bitcoindConn struct {
	rpc    string
	client *http.Client
	graph  *channelGraph
	height uint32
	spends uint64
}

type wireTx struct {
	version uint32
	inputs  []*outPoint
}

// Inputs are 36 bytes each, from byte 8 on.
func deserializeTx(raw []byte) *wireTx {
	tx := &wireTx{version: binary.LittleEndian.Uint32(raw)}
	for at := 8; at+36 <= len(raw); at += 36 {
		in := &outPoint{index: binary.LittleEndian.Uint32(raw[at+32:])}
		copy(in.hash[:], raw[at:])
		tx.inputs = append(tx.inputs, in)
	}
	return tx
}

func (b *bitcoindConn) txEventHandler(conn *zmqConn) {
	for {
		message, err := conn.Receive()
		if err != nil {
			log.Fatal("rawtx: ", err)
		}
		for _, in := range deserializeTx(message[1]).inputs {
			if b.graph.isFunding(in) {
				atomic.AddUint64(&b.spends, 1)
			}
		}
	}
}

func (b *bitcoindConn) blockEventHandler(conn *zmqConn) {
	for {
		message, err := conn.Receive()
		if err != nil {
			log.Fatal("rawblock: ", err)
		}
		atomic.StoreUint32(&b.height, binary.LittleEndian.Uint32(message[1]))
	}
}

func (b *bitcoindConn) getTxOut(ctx context.Context, funding outPoint) error {
	call := fmt.Sprintf(`{"method": "gettxout", "params": ["%x", %d]}`, funding.hash, funding.index)
	request, err := http.NewRequestWithContext(ctx, "POST", b.rpc, bytes.NewBufferString(call))
	if err != nil {
		return err
	}
	answer, err := b.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var reply struct{ Result struct{ Confirmations int } }
	return json.NewDecoder(answer.Body).Decode(&reply)
}
