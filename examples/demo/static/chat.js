"use strict";

const maxLines = 200;
const byId = (id) => document.getElementById(id);
const state = byId("state"), log = byId("log"), text = byId("text");
let socket;

function connect() {
  const url = new URL("room", location.href);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(url);
  socket.onopen = () => enable(true);
  socket.onmessage = (event) => show(JSON.parse(event.data));
  socket.onclose = () => {
    enable(false);
    state.textContent = "Not connected; trying again.";
    setTimeout(connect, 1000 + 1000 * Math.random());
  };
}

function enable(on) {
  text.disabled = byId("send").disabled = !on;
  if (on) text.focus();
}

// What others say is text, and never becomes markup.
function show(message) {
  const line = document.createElement("li"), from = document.createElement("strong");
  from.textContent = message.from;
  line.append(from, " ", message.text);
  log.append(line);
  while (log.children.length > maxLines) log.firstChild.remove();
  log.scrollTop = log.scrollHeight;
  state.textContent = `${message.present} in the room.`;
}

byId("say").onsubmit = (event) => {
  event.preventDefault();
  if (text.value === "" || socket.readyState !== WebSocket.OPEN) return;
  socket.send(text.value);
  text.value = "";
};

connect();
