package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
)

const maxFrame = 4 << 20

// zmqConn is one subscription to the chain backend.
type zmqConn struct {
	conn net.Conn
	in   *bufio.Reader
}

func subscribe(address, topic string) (*zmqConn, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(conn, topic); err != nil {
		return nil, err
	}
	return &zmqConn{conn, bufio.NewReaderSize(conn, 32<<10)}, nil
}

func (c *zmqConn) readFrame() ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return nil, err
	}
	size := binary.BigEndian.Uint64(head[:])
	if size > maxFrame {
		return nil, fmt.Errorf("frame of %d bytes", size)
	}
	body := make([]byte, size)
	_, err := io.ReadFull(c.in, body)
	return body, err
}

// Receive returns the frames of the next message: topic, body, sequence number.
func (c *zmqConn) Receive() ([][]byte, error) {
	frames := make([][]byte, 0, 3)
	for len(frames) < 3 {
		frame, err := c.readFrame()
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
	return frames, nil
}
