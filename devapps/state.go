package devapps

import (
	"slices"
	"time"

	"devrouter/config/problem"
)

// Status says what the last reading of the file came to.
type Status string

// The statuses. With all but applied, the last good table stays in force.
const (
	StatusApplied  Status = "applied"  // the table is the file's
	StatusRejected Status = "rejected" // the file has problems, or cannot be read
	StatusMissing  Status = "missing"  // there is no file
	StatusEmpty    Status = "empty"    // the file says nothing, not even apps: {}
)

// State is where the file stands. A State is never modified once handed out.
type State struct {
	Path   string `json:"path"`
	Status Status `json:"status"` // empty before the first reading
	// Applied is when the table in force was applied. Zero when there is none.
	Applied time.Time `json:"applied,omitzero"`
	// Problems are the last reading's; none when it was applied.
	Problems problem.List `json:"problems,omitempty"`
	// Manifest is the table in force. Nil when there never was a good file.
	Manifest *Manifest `json:"-"`
	// FromLastGood says that the table comes from the state directory: the file
	// has not been good since the start.
	FromLastGood bool `json:"from_last_good"`
}

func (s *State) same(other *State) bool {
	return s.Status == other.Status && s.Manifest == other.Manifest && s.FromLastGood == other.FromLastGood &&
		slices.Equal(s.Problems, other.Problems)
}
