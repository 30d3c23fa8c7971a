// Several models in one running server: each with its own scores, loaded, reloaded and unloaded
// while calls come and go, and broken ones beside them.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <thread>
#include <utility>

#include "integration/fixtures.h"
#include "rerank/v1/model_admin.grpc.pb.h"
#include "support/temp_dir.h"
#include "util/file.h"
#include "util/json.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct GoldenPair {
  std::string model;  // its folder's name, and the server's
  std::string query;
  std::string document;
  rerank::v1::Truncation truncation;
  float score;
};

// What Hugging Face's libraries gave for each text pair of a model's folder.
std::vector<GoldenPair> ReadGolden(const std::string& model) {
  std::vector<GoldenPair> pairs;
  const nlohmann::json file = ReadJsonObject(TestModel(model) + "/expected_scores.json").value();
  for (const nlohmann::json& row : file.at("pairs")) {
    const bool only_document = row.value("truncation", "longest_first") == "only_document";
    pairs.push_back({model, row.at("query"), row.at("document"),
                     only_document ? rerank::v1::TRUNCATION_ONLY_DOCUMENT
                                   : rerank::v1::TRUNCATION_LONGEST_FIRST,
                     row.value("logit", row.value("cosine", 0.0F))});
  }
  return pairs;
}

rerank::v1::RerankRequest RequestOf(const GoldenPair& pair) {
  rerank::v1::RerankRequest request = MakeRequest(pair.query, {pair.document});
  request.set_model(pair.model);
  request.set_score_kind(rerank::v1::SCORE_KIND_RAW);
  request.set_truncation(pair.truncation);
  return request;
}

grpc::Status Rerank(const std::shared_ptr<grpc::Channel>& channel, const std::string& model,
                    std::chrono::seconds deadline = std::chrono::seconds(100)) {
  rerank::v1::RerankRequest request = MakeRequest("a query", {"a document"});
  request.set_model(model);
  return AsyncRerank(channel, request, std::chrono::system_clock::now() + deadline).Wait();
}

// As grpcurl would: by the name of the method, and bytes. All three RPCs take {name = 1}.
grpc::Status Admin(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
                   const std::string& model) {
  rerank::v1::LoadModelRequest request;
  request.set_name(model);
  return SendBytes(channel, "/rerank.v1.ModelAdminService/" + method, request.SerializeAsString());
}

rerank::v1::Model GetModel(const std::shared_ptr<grpc::Channel>& channel, const std::string& name) {
  grpc::ClientContext context;
  rerank::v1::GetModelRequest request;
  request.set_name(name);
  rerank::v1::GetModelResponse response;
  const grpc::Status status =
      rerank::v1::RerankService::NewStub(channel)->GetModel(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.model();
}

class ModelsTest : public testing::Test {
 protected:
  // Serves the entries of `models` with further settings.
  void Start(const std::string& models, const std::string& settings = "admin: true\n") {
    const fs::path file = folder_.Write("rerankd.yaml", settings + "models:\n" + models);
    server_.emplace(std::vector<std::string>{"--config", file.string()});
    channel_ = Dial(server_->Address());
  }
  // A copy of a test model that a test may damage.
  fs::path Copy(const std::string& model) {
    const fs::path copy = folder_.path() / model;
    fs::copy(TestModel(model), copy, fs::copy_options::recursive);
    return copy;
  }
  static std::string Entry(const std::string& name, const fs::path& path,
                           const std::string& more = "") {
    return "  - {name: " + name + ", path: " + path.string() + more + "}\n";
  }
  size_t Logged(const std::string& line) const {
    const std::string out = server_->out();
    size_t count = 0;
    for (size_t at = out.find(line); at != std::string::npos; at = out.find(line, at + 1)) ++count;
    return count;
  }

  TempDir folder_;
  std::optional<ServerProcess> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

const std::string kCross = "tiny-cross-encoder";
const std::string kBfloat16 = "tiny-cross-encoder-bf16";
const std::string kBi = "tiny-bi-encoder";

// Every family of networks and every type of tokenizer.
const std::vector<std::string> kCrossEncoders = {
    kCross,           kBfloat16,      "tiny-roberta",          "tiny-xlm-roberta",
    "tiny-camembert", "tiny-electra", "tiny-electra-2-labels", "tiny-distilbert"};
const std::vector<std::string> kBiEncoders = {kBi, "tiny-roberta-bi", "tiny-electra-bi",
                                              "tiny-distilbert-bi"};

TEST_F(ModelsTest, EightClientsGetEachModelsOwnScores) {
  std::string entries;
  std::vector<GoldenPair> pairs;
  for (const auto& [models, kind] :
       {std::pair(kCrossEncoders, ""), std::pair(kBiEncoders, ", kind: bi_encoder")}) {
    for (const std::string& model : models) {
      entries += Entry(model, TestModel(model), kind);
      const std::vector<GoldenPair> golden = ReadGolden(model);
      ASSERT_FALSE(golden.empty());
      pairs.insert(pairs.end(), golden.begin(), golden.end());
    }
  }
  Start(entries);
  std::vector<std::jthread> clients;
  for (size_t client = 0; client < 8; ++client) {
    clients.emplace_back([&, client, channel = Dial(server_->Address())] {
      // Each begins elsewhere, so that all models are asked at the same time.
      for (size_t i = 0; i < pairs.size(); ++i) {
        const GoldenPair& pair = pairs[(i + client * pairs.size() / 8) % pairs.size()];
        AsyncRerank call(channel, RequestOf(pair));
        ASSERT_TRUE(call.Wait().ok()) << pair.model << ": " << call.Wait().error_message();
        ASSERT_EQ(call.response().model(), pair.model);
        ASSERT_NEAR(call.response().results(0).score(), pair.score, 1e-4) << pair.model;
      }
    });
  }
}

TEST_F(ModelsTest, ReloadingUnderLoadLosesNoCallAndChangesNoScore) {
  Start(Entry(kCross, Copy(kCross)) + Entry(kBi, TestModel(kBi), ", kind: bi_encoder"));
  const std::vector<GoldenPair> pairs = ReadGolden(kCross);
  std::atomic<bool> stop{false};
  std::atomic<size_t> answered{0};
  std::vector<std::jthread> clients;
  for (size_t client = 0; client < 4; ++client) {
    clients.emplace_back([&, client, channel = Dial(server_->Address())] {
      for (size_t i = client; !stop; ++i) {
        const GoldenPair& pair = pairs[i % pairs.size()];
        AsyncRerank call(channel, RequestOf(pair));
        ASSERT_TRUE(call.Wait().ok()) << call.Wait().error_message();
        ASSERT_NEAR(call.response().results(0).score(), pair.score, 1e-4);
        ++answered;
      }
    });
  }
  for (int i = 0; i < 10; ++i) {
    // At least one call between two reloads.
    const size_t before = answered;
    const grpc::Status status = Admin(channel_, "ReloadModel", kCross);
    ASSERT_TRUE(status.ok()) << status.error_message();
    while (answered == before) std::this_thread::yield();
  }
  stop = true;
  clients.clear();
  EXPECT_EQ(Logged("model loaded: name=" + kCross), 11);
}

// The weights of the folder with the last layer's signs turned, in a file of its own: a network of
// the same shape, whose logits are those of the other, negative.
std::string Negated(const fs::path& folder) {
  std::string file = ReadFile(folder / "model.safetensors", size_t{1} << 20).value();
  uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), sizeof(header_size));
  const size_t data = sizeof(header_size) + header_size;
  const auto header = nlohmann::json::parse(file.substr(sizeof(header_size), header_size));
  for (const char* name : {"classifier.weight", "classifier.bias"}) {
    EXPECT_EQ(header.at(name).at("dtype"), "F32");
    const std::vector<size_t> range = header.at(name).at("data_offsets");
    for (size_t at = data + range.at(0); at < data + range.at(1); at += sizeof(float)) {
      file.at(at + 3) = static_cast<char>(file.at(at + 3) ^ 0x80);  // the sign, little-endian
    }
  }
  return file;
}

TEST_F(ModelsTest, AReloadTakesTheNewFilesAndAFailedOneKeepsTheOld) {
  const fs::path copy = Copy(kCross);
  Start(Entry("mine", copy));
  const std::vector<GoldenPair> pairs = ReadGolden(kCross);
  const auto expect_scores = [&](float sign) {
    for (GoldenPair pair : pairs) {
      pair.model = "mine";
      AsyncRerank call(channel_, RequestOf(pair));
      ASSERT_TRUE(call.Wait().ok()) << call.Wait().error_message();
      ASSERT_NEAR(call.response().results(0).score(), sign * pair.score, 1e-4);
    }
  };
  const auto expect_failure = [&] {
    const grpc::Status failed = Admin(channel_, "ReloadModel", "mine");
    EXPECT_EQ(failed.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << failed.error_message();
    EXPECT_THAT(failed.error_message(), HasSubstr("config.json"));
    EXPECT_EQ(Health(channel_, "mine"), "SERVING");
    const rerank::v1::Model old = GetModel(channel_, "mine");
    EXPECT_EQ(old.state(), rerank::v1::MODEL_STATE_READY);
    EXPECT_THAT(old.error(), HasSubstr("config.json"));
  };
  expect_scores(1);
  // New weights are there, but not all that belongs to them.
  fs::rename(folder_.Write("new", Negated(copy)), copy / "model.safetensors");
  fs::rename(copy / "config.json", copy / "away.json");
  expect_failure();
  expect_scores(1);
  fs::rename(copy / "away.json", copy / "config.json");
  expect_scores(1);
  ASSERT_TRUE(Admin(channel_, "ReloadModel", "mine").ok());
  EXPECT_EQ(GetModel(channel_, "mine").error(), "");
  expect_scores(-1);
  fs::copy_file(fs::path(TestModel(kCross)) / "model.safetensors", folder_.path() / "old");
  fs::rename(folder_.path() / "old", copy / "model.safetensors");
  fs::remove(copy / "config.json");
  expect_failure();
  expect_scores(-1);
}

TEST_F(ModelsTest, UnloadingLetsGoOfTheWeights) {
  const fs::path copy = Copy(kCross);
  Start(Entry("mine", copy) + Entry(kBi, TestModel(kBi), ", kind: bi_encoder"));
  const std::string weights = (copy / "model.safetensors").string();
  const fs::path maps = "/proc/" + std::to_string(server_->pid()) + "/maps";
  const auto mapped = [&] {
    std::ifstream in(maps);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  EXPECT_THAT(mapped(), HasSubstr(weights));
  ASSERT_TRUE(Admin(channel_, "UnloadModel", "mine").ok());
  EXPECT_THAT(mapped(), Not(HasSubstr(weights)));
  EXPECT_EQ(ReasonOf(Rerank(channel_, "mine")), "MODEL_NOT_LOADED");
  EXPECT_EQ(Health(channel_, "mine"), "NOT_SERVING");
  EXPECT_TRUE(Rerank(channel_, kBi).ok());
  ASSERT_TRUE(Admin(channel_, "LoadModel", "mine").ok());
  EXPECT_THAT(mapped(), HasSubstr(weights));
  EXPECT_TRUE(Rerank(channel_, "mine").ok());
}

TEST_F(ModelsTest, TheFirstCallsLoadAModelOnDemandAndIdlenessUnloadsIt) {
  Start(Entry(kBi, TestModel(kBi), ", kind: bi_encoder") +
            Entry("rare", TestModel(kCross), ", load: on_demand, unload_after: 50ms, aliases: r"),
        "");
  EXPECT_EQ(Logged("name=rare"), 0);
  EXPECT_EQ(GetModel(channel_, "r").state(), rerank::v1::MODEL_STATE_NOT_LOADED);
  EXPECT_EQ(Health(channel_, "rare"), "SERVING");
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 8; ++i) {
      clients.emplace_back([channel = Dial(server_->Address())] {
        const grpc::Status status = Rerank(channel, "r");
        ASSERT_TRUE(status.ok()) << status.error_message();
      });
    }
  }
  ASSERT_TRUE(server_->WaitForOutput("model unloaded: name=rare"));
  EXPECT_TRUE(Rerank(channel_, "rare").ok());
}

TEST_F(ModelsTest, ABrokenModelStandsInNobodysWay) {
  const fs::path broken = Copy(kCross);
  fs::remove(broken / "config.json");
  Start(Entry("broken", broken, ", aliases: [b]") + Entry("works", TestModel(kCross)),
        "on_error: skip\n");
  EXPECT_EQ(Health(channel_), "SERVING") << "one of them can serve";
  EXPECT_EQ(Health(channel_, "works"), "SERVING");
  EXPECT_EQ(Health(channel_, "broken"), "NOT_SERVING");
  EXPECT_EQ(Health(channel_, "b"), "NOT_SERVING");
  EXPECT_TRUE(Rerank(channel_, "works").ok());
  // The default model is the broken one: calls that name none do not get the other in silence.
  for (const char* name : {"broken", "b", ""}) {
    const grpc::Status status = Rerank(channel_, name);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
    EXPECT_EQ(ReasonOf(status), "MODEL_FAILED");
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr("broken"), HasSubstr("config.json")));
  }
  EXPECT_EQ(GetModel(channel_, "broken").state(), rerank::v1::MODEL_STATE_FAILED);
  EXPECT_EQ(Admin(channel_, "LoadModel", "broken").error_code(),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(ModelsTest, WithoutAModelThatWorksThereIsNoServer) {
  const fs::path file = folder_.Write("rerankd.yaml", "on_error: skip\nmodels:\n" +
                                                          Entry("one", folder_.path() / "gone") +
                                                          Entry("two", folder_.path() / "too"));
  ServerProcess server({"--config", file.string()});
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_THAT(server.err(), HasSubstr("model \"one\""));
  EXPECT_THAT(server.out(), HasSubstr("model not loaded: name=two"));
}

// A hub that takes connections and never says a word.
class SilentHub {
 public:
  SilentHub() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    if (bind(socket_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(socket_, 16) != 0 ||
        getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentHub() { close(socket_); }
  SilentHub(const SilentHub&) = delete;
  SilentHub& operator=(const SilentHub&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  const int socket_ = socket(AF_INET, SOCK_STREAM, 0);
  int port_ = 0;
};

class HubTest : public ModelsTest {
 protected:
  std::vector<std::string> Environment() const {
    return {"HF_HUB_CACHE=" + (folder_.path() / "cache").string(), "HF_ENDPOINT=" + hub_.url(),
            "HF_HUB_OFFLINE=0", "HF_TOKEN=", "no_proxy=*"};
  }
  SilentHub hub_;
};

TEST_F(HubTest, ASignalEndsAStartThatDownloads) {
  ServerProcess server({"--model", "org/name"}, Environment());
  ASSERT_TRUE(server.WaitForOutput("loading model: name=org/name"));
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 128 + SIGTERM);
}

TEST_F(HubTest, ASignalEndsADownloadThatACallWaitsFor) {
  const fs::path file =
      folder_.Write("rerankd.yaml", "models:\n" + Entry(kCross, TestModel(kCross)) +
                                        "  - {model: org/name, load: on_demand}\n");
  ServerProcess server({"--config", file.string(), "--grace-period", "0"}, Environment());
  const auto channel = Dial(server.Address());
  rerank::v1::RerankRequest request = MakeRequest("q", {"a"});
  request.set_model("org/name");
  AsyncRerank waiting(channel, request);
  ASSERT_TRUE(server.WaitForOutput("loading model: name=org/name"));
  EXPECT_TRUE(Rerank(channel, kCross).ok()) << "nobody else waits";
  EXPECT_EQ(Rerank(channel, "org/name", std::chrono::seconds(1)).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  const auto begin = std::chrono::steady_clock::now();
  server.Signal(SIGTERM);
  EXPECT_EQ(server.Wait(), 1) << "a call had to be cancelled";
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20))
      << "as long as the hub may be silent";
  EXPECT_FALSE(waiting.Wait().ok());
}

TEST_F(HubTest, AnUnloadDuringALoadIsNoError) {
  const fs::path file =
      folder_.Write("rerankd.yaml", "admin: true\nmodels:\n" + Entry(kCross, TestModel(kCross)) +
                                        "  - {model: org/name, load: on_demand}\n");
  ServerProcess server({"--config", file.string()}, Environment());
  const auto channel = Dial(server.Address());
  rerank::v1::RerankRequest request = MakeRequest("q", {"a"});
  request.set_model("org/name");
  AsyncRerank waiting(channel, request);
  ASSERT_TRUE(server.WaitForOutput("loading model: name=org/name"));
  const grpc::Status unload = Admin(channel, "UnloadModel", "org/name");
  EXPECT_TRUE(unload.ok()) << unload.error_message();
  EXPECT_EQ(ReasonOf(waiting.Wait()), "MODEL_NOT_LOADED");
  EXPECT_TRUE(server.WaitForOutput("loading stopped: name=org/name"));
  EXPECT_THAT(server.out(), AllOf(Not(HasSubstr(" error ")), Not(HasSubstr("not loaded:"))));
}

TEST_F(HubTest, AModelThatIsNotThereOfflineSaysSo) {
  ServerProcess server({"--model", "org/name", "--hub-offline", "true"}, Environment());
  EXPECT_EQ(server.Wait(), 1);
  EXPECT_THAT(server.err(), AllOf(HasSubstr("model \"org/name\""), HasSubstr("HF_HUB_OFFLINE")));
}

}  // namespace
}  // namespace rerankd
