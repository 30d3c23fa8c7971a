#include <rerankd/client.h>

#include <iostream>

int main(int, char** argv) {
  rerankd::client::Client client({.target = argv[1]});
  const auto answer = client.Rerank("what is a panda?", {"hi", "a bear of China"}, {.top_k = 1});
  std::cout << (answer.ok() ? std::to_string(answer->results[0].index)
                            : answer.status().ToString());
  return answer.ok() ? 0 : 1;
}
