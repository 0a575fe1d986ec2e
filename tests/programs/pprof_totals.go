// pprof_totals FILE...: what pprof's own reader says of a profile, as a line of JSON each: the types of its samples, their totals,
// the period, the names of the functions, mappings with the addresses of their locations, comments. For tests/e2e/exports.py.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/google/pprof/profile"
)

type mapping struct {
	File, BuildID string
	HasFunctions  bool
	Start, Limit  uint64
	Addresses     []uint64
}

type summary struct {
	Types, Units []string
	Totals       []int64
	Period       int64
	Locations    int
	Functions    []string
	Lines        int // more than locations where functions were inlined
	Mappings     []mapping
	Comments     []string
	Labels       map[string]int
}

func summarize(path string) (*summary, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p, err := profile.Parse(file) // which checks that it is valid
	if err != nil {
		return nil, err
	}
	s := &summary{Totals: make([]int64, len(p.SampleType)), Period: p.Period, Locations: len(p.Location), Comments: p.Comments, Labels: map[string]int{}}
	for _, t := range p.SampleType {
		s.Types, s.Units = append(s.Types, t.Type), append(s.Units, t.Unit)
	}
	for _, sample := range p.Sample {
		for i, value := range sample.Value {
			s.Totals[i] += value
		}
		for label := range sample.Label {
			s.Labels[label]++
		}
		for label := range sample.NumLabel {
			s.Labels[label]++
		}
	}
	for _, function := range p.Function {
		s.Functions = append(s.Functions, function.Name)
	}
	for _, m := range p.Mapping {
		one := mapping{File: m.File, BuildID: m.BuildID, HasFunctions: m.HasFunctions, Start: m.Start, Limit: m.Limit}
		for _, location := range p.Location {
			if location.Mapping == m {
				one.Addresses = append(one.Addresses, location.Address)
			}
		}
		s.Mappings = append(s.Mappings, one)
	}
	for _, location := range p.Location {
		s.Lines += len(location.Line)
	}
	return s, nil
}

func main() {
	for _, path := range os.Args[1:] {
		s, err := summarize(path)
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(s)
		}
		if err != nil {
			fmt.Fprintf(os.Stderr, "pprof_totals: %s: %v\n", path, err)
			os.Exit(1)
		}
	}
}
