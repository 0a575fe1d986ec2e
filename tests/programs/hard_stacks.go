// Goroutines that recurse, allocate (so that the collector runs) and hand values over (so that the scheduler does), until ended.
package main

import (
	"encoding/json"
	"sort"
	"strings"
)

type order struct {
	Number int
	Name   string
	Lines  []int
}

func price(count int) int {
	sum := 0
	for i := 0; i < count; i++ {
		text, err := json.Marshal(order{i, strings.Repeat("x", i%50), make([]int, 100)})
		if err != nil {
			panic(err)
		}
		sum += len(text)
	}
	return sum
}

func descend(depth int) int {
	if depth == 0 {
		return price(50)
	}
	return descend(depth-1) + 1
}

func main() {
	sums := make(chan int)
	for worker := 0; worker < 4; worker++ {
		go func() {
			for {
				sums <- descend(20)
			}
		}()
	}
	var last []int
	for sum := range sums {
		last = append(last, sum)
		if len(last) == 100 {
			sort.Ints(last)
			last = last[:0]
		}
	}
}
