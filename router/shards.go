package router

import "slices"

// Shards decides by isolation segment which registrations this router takes
// (routing_table_sharding_mode, reference 1.7). The zero value takes all.
type Shards struct {
	// Mode is "all" (or empty), "segments" or "shared-and-segments".
	Mode string
	// Segments are the segments that are taken besides.
	Segments []string
}

func (s *Shards) takes(segment string) bool {
	switch s.Mode {
	case "", "all":
		return true
	case "shared-and-segments":
		if segment == "" {
			return true
		}
	}
	return slices.Contains(s.Segments, segment)
}
