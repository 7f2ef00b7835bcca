// http/server.hpp — answers HTTP requests from the loop's thread. The only header of the room.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "io/loop.hpp"
#include "io/task.hpp"

namespace flurm::http {

struct Request {
  std::string method;  ///< GET, POST, PUT, DELETE; HEAD comes as GET
  std::string path;    ///< without the query, decoded
  std::map<std::string, std::string> query;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  std::string peer;  ///< address of the client
};

struct Response {
  int status = 200;
  std::string type = "application/json";
  std::string body;
};

/// Answers one request; runs on the loop's thread.
using Handler = std::function<io::Task<Response>(Request)>;

struct Options {
  std::string host;        ///< numeric address or name; empty: all addresses
  std::uint16_t port = 0;  ///< 0: any free one
  unsigned threads = 4;    ///< connections served at once; others wait
  std::size_t body_bytes_max = std::size_t{1} << 20;
  std::uint64_t answer_ms = 10'000;  ///< a handler that takes longer costs its client a 504
};

/// Reads and writes on threads of its own, so a slow client delays other HTTP clients at most. Loop thread only.
class Server {
 public:
  /// Errors: io (the address cannot be had).
  static Result<std::unique_ptr<Server>> listen(io::Loop& loop, Options options, Handler handler);
  /// Ends all connections; requests that a handler has begun with get a 504, the others a 421: nothing came of them.
  /// May block for as long as a client takes for one write.
  ~Server();
  std::uint16_t port() const;

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace flurm::http
