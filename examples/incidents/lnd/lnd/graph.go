package main

import "encoding/binary"

type edgePolicy struct {
	feeRate, timeLock uint32
	node              *graphNode
}

type channelEdge struct {
	funding outPoint
	policy  [2]*edgePolicy
}

type graphNode struct {
	alias    string
	channels []*channelEdge
}

// channelGraph is the public network as gossip told it, all of it in memory; it is read-only once loaded.
type channelGraph struct {
	nodes []*graphNode
	edges map[outPoint]*channelEdge
	own   []outPoint
}

func loadGraph(channels, own int) *channelGraph {
	graph := &channelGraph{edges: make(map[outPoint]*channelEdge, channels)}
	for i := 0; i < channels/8; i++ {
		graph.nodes = append(graph.nodes, &graphNode{alias: string(make([]byte, 32))})
	}
	for i := 0; i < channels; i++ {
		edge := &channelEdge{}
		binary.BigEndian.PutUint64(edge.funding.hash[:], uint64(i)*0x9e3779b97f4a7c15)
		for side := range edge.policy {
			node := graph.nodes[(i*7+side*13)%len(graph.nodes)]
			node.channels = append(node.channels, edge)
			edge.policy[side] = &edgePolicy{feeRate: uint32(i), node: node}
		}
		graph.edges[edge.funding] = edge
		if i < own {
			graph.own = append(graph.own, edge.funding)
		}
	}
	return graph
}

func (g *channelGraph) isFunding(point *outPoint) bool {
	_, known := g.edges[*point]
	return known
}
