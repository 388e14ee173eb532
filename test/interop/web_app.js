// The streams of web_app.py by Node's own server. run: node web_app.js PORT
const http = require("http");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

http.createServer((request, response) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", async () => {
    if (request.method !== "POST") return response.writeHead(404).end("no such thing");
    const wish = JSON.parse(body);
    if (wish.model === "busy") return response.writeHead(429, {"Retry-After": "3"}).end('{"error": "later"}');
    const usage = {prompt_tokens: 7, completion_tokens: 4, total_tokens: 11};
    if (!wish.stream) {
      response.setHeader("Content-Type", "application/json");
      if (request.url.endsWith("/embeddings")) return response.end(JSON.stringify({data: [{index: 0, embedding: [0.5]}], usage}));
      return response.end(JSON.stringify({choices: [{index: 0, text: "a b c d", message: {content: "a b c d"}}], usage}));
    }
    response.writeHead(200, {"Content-Type": "text/event-stream"});
    if (wish.model === "broken") return response.end('data: {"error": {"message": "the engine fell over"}}\n\n');
    const tokens = wish.max_completion_tokens || wish.max_tokens || 4;
    const manner = {
      crlf: (text) => [text.replaceAll("\n", "\r\n")],
      chatty: (text) => [": a comment\nid: 7\nevent: message\n" + text],
      lines: (text) => [text.replace('data: {"choices"', 'data: {\ndata:"choices"')],
      bytes: (text) => [...Buffer.from(text)].map((byte) => Buffer.from([byte])),
    }[wish.model] || ((text) => [text]);
    const say = (what) => manner("data: " + what + "\n\n").forEach((part) => response.write(part));
    for (let i = 0; i < tokens; ++i) {
      await pause(i === 0 ? 20 : 4);
      const choice = wish.messages ? {index: 0, delta: {content: `wörd${i} `}} : {index: 0, text: `wörd${i} `};
      say(JSON.stringify({choices: [choice]}));
    }
    say(JSON.stringify({choices: [{index: 0, finish_reason: "stop", delta: {}, text: ""}]}));
    say(JSON.stringify({choices: [], usage: {prompt_tokens: 7, completion_tokens: tokens, total_tokens: 7 + tokens}}));
    say("[DONE]");
    response.end();
  });
}).listen(Number(process.argv[2]), "127.0.0.1");
