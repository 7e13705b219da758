// Package errorpage says more of the errors that a router makes itself than
// gorouter's line of text, to those who can use more: a page for a person in front
// of a browser, JSON for a program that asks for it. All others get the line.
//
// A page names what was asked for and what there is instead, or which instance
// failed and how; it loads the app by itself when that comes up, which it asks
// the router, and not the app. Names in it are strangers' text and are escaped.
//
// What there is on a machine is told on that machine only (tellsAll): a router
// that stands in the network, or is reached by a name that another site may have
// pointed at it, says no more than what went wrong.
package errorpage
