package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"
)

const rpcDeadline = time.Second

type rpcServer struct {
	chain *bitcoindConn
}

// getInfo tells of the node's own channels, each checked with the chain backend.
func (r *rpcServer) getInfo(answer http.ResponseWriter, request *http.Request) {
	ctx, cancel := context.WithTimeout(request.Context(), rpcDeadline)
	defer cancel()
	active := 0
	for _, funding := range r.chain.graph.own {
		if err := r.chain.getTxOut(ctx, funding); err != nil {
			http.Error(answer, err.Error(), http.StatusGatewayTimeout)
			return
		}
		active++
	}
	json.NewEncoder(answer).Encode(map[string]interface{}{
		"num_active_channels": active,
		"block_height":        atomic.LoadUint32(&r.chain.height),
	})
}
