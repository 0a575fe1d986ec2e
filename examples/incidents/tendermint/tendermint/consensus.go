package main

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

const (
	roundEvery    = 20 * time.Millisecond
	votesOfRound  = 48
	signatureSize = 8 << 10
	proposalBytes = 2 << 20
)

type vote struct {
	height    uint64
	validator [20]byte
	signature []byte
}

// consensusState makes a block each round: a proposal and the votes for it, all of it garbage by the next round.
type consensusState struct {
	height  uint64
	lastApp [32]byte
	recent  [][]byte
}

func newConsensusState() *consensusState {
	return &consensusState{recent: make([][]byte, 16)}
}

func (cs *consensusState) createProposal() []byte {
	proposal := make([]byte, proposalBytes)
	for at := 0; at < len(proposal); at += 64 {
		binary.BigEndian.PutUint64(proposal[at:], cs.height+uint64(at))
	}
	return proposal
}

func (cs *consensusState) addVotes(proposal []byte) []*vote {
	votes := make([]*vote, votesOfRound)
	for i := range votes {
		votes[i] = &vote{height: cs.height, signature: make([]byte, signatureSize)}
		sum := sha256.Sum256(proposal[i*1024 : i*1024+256])
		copy(votes[i].signature, sum[:])
	}
	return votes
}

func (cs *consensusState) receiveRoutine(fromPeers <-chan []byte) {
	rounds := time.NewTicker(roundEvery)
	for {
		select {
		case message := <-fromPeers:
			cs.lastApp = sha256.Sum256(message)
		case <-rounds.C:
			cs.height++
			proposal := cs.createProposal()
			for _, vote := range cs.addVotes(proposal) {
				cs.lastApp[0] ^= vote.signature[0]
			}
			cs.recent[cs.height%uint64(len(cs.recent))] = proposal
		}
	}
}
