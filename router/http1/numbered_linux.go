package http1

// numbered gives what it holds small numbers, which it uses again.
type numbered[T any] struct {
	all  []*T    // by their numbers; nil where there is none
	free []int32 // numbers
}

// put returns the number that it has given v.
func (n *numbered[T]) put(v *T) int32 {
	if last := len(n.free) - 1; last >= 0 {
		number := n.free[last]
		n.free = n.free[:last]
		n.all[number] = v
		return number
	}
	n.all = append(n.all, v)
	return int32(len(n.all) - 1)
}

// drop takes out what has a number.
func (n *numbered[T]) drop(number int32) {
	n.all[number] = nil
	n.free = append(n.free, number)
}

// none says whether it holds nothing.
func (n *numbered[T]) none() bool { return len(n.free) == len(n.all) }
