package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
)

const (
	blockPartSize = 64 << 10
	partsOfBlock  = 8
	queueLength   = 4
)

// Peer is one connection to another node: one goroutine reads what it says, one writes what is queued for it, and one
// gossips, that is, queues what it does not have yet.
type Peer struct {
	conn      net.Conn
	sendQueue chan []byte
	running   atomic.Bool
	state     *peerState
}

// peerState is what this node knows of a peer, and the parts of the block in flight to it.
type peerState struct {
	height uint64
	parts  [][]byte
}

func newPeerState() *peerState {
	state := &peerState{parts: make([][]byte, partsOfBlock)}
	for i := range state.parts {
		state.parts[i] = make([]byte, blockPartSize)
		for at := range state.parts[i] {
			state.parts[i][at] = byte(i + at)
		}
	}
	return state
}

func newPeer(conn net.Conn) *Peer {
	peer := &Peer{conn: conn, sendQueue: make(chan []byte, queueLength), state: newPeerState()}
	peer.running.Store(true)
	return peer
}

// recvRoutine counts votes until the peer says goodbye or goes away.
func (p *Peer) recvRoutine(votes chan<- []byte) {
	in := bufio.NewReader(p.conn)
	for {
		var head [4]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			break
		}
		size := binary.BigEndian.Uint32(head[:])
		if size == 0 || size > blockPartSize {
			break
		}
		vote := make([]byte, size)
		if _, err := io.ReadFull(in, vote); err != nil {
			break
		}
		votes <- vote
	}
	p.running.Store(false)
}

// sendRoutine writes what is queued, to the end of the queue or of the connection.
func (p *Peer) sendRoutine() {
	defer p.conn.Close()
	for message := range p.sendQueue {
		var head [4]byte
		binary.BigEndian.PutUint32(head[:], uint32(len(message)))
		buffers := net.Buffers{head[:], message}
		if _, err := buffers.WriteTo(p.conn); err != nil {
			return
		}
	}
}

// gossipDataRoutine queues block parts, one after the other, as long as the peer is there to take them.
func (p *Peer) gossipDataRoutine() {
	defer close(p.sendQueue)
	for next := 0; p.running.Load(); next++ {
		if next%partsOfBlock == 0 {
			p.state.height++
		}
		p.sendQueue <- p.state.parts[next%partsOfBlock]
	}
}
