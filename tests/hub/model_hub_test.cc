// What the hub decides, over a table of answers; tests/integration/pull_test.py has the network.
#include "hub/model_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "hub/content_hash.h"
#include "support/fake_http_client.h"
#include "support/temp_dir.h"
#include "util/file.h"

namespace rerankd {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kEndpoint[] = "https://hub.example";
constexpr char kCommit[] = "5617a9f61b028005a4858fdac845db406aefb181";
constexpr char kNewCommit[] = "0017a9f61b028005a4858fdac845db406aefb100";
constexpr char kInfoUrl[] = "GET https://hub.example/api/models/org/name/revision/main";

class ModelHubTest : public testing::Test {
 protected:
  ModelHubTest() {
    options_ = {.cache_dir = home_.path() / "hub",
                .endpoint = kEndpoint,
                .retry = {.first_delay = std::chrono::milliseconds(0)}};
    observer_ = {.on_progress = [this](const HubProgress& progress) { progress_ = progress; },
                 .on_message = [this](const std::string& text) { messages_.push_back(text); }};
    Publish(kCommit, {{"config.json", "{}"}, {"model.safetensors", "weights"}});
  }

  // Lets the hub have these files at main.
  void Publish(const std::string& commit, const std::map<std::string, std::string>& files) {
    std::string siblings;
    for (const auto& [file, content] : files) {
      siblings += (siblings.empty() ? "" : ",") + (R"({"rfilename":")" + file + "\"}");
      const std::string question = FileUrl(commit, file);
      client_.Answer("HEAD " + question, Metadata(commit, content));
      client_.Answer("GET " + question, HttpResponse{.status = 200, .body = content});
    }
    client_.Forget(kInfoUrl);
    client_.Answer(kInfoUrl, HttpResponse{.status = 200,
                                          .body = R"({"sha":")" + commit + R"(","siblings":[)" +
                                                  siblings + "]}"});
  }

  static std::string FileUrl(const std::string& commit, const std::string& file) {
    return std::string(kEndpoint) + "/org/name/resolve/" + commit + "/" + file;
  }

  HttpResponse Metadata(const std::string& commit, const std::string& content) {
    const std::string form(40, '0');  // that of git's SHA-1
    const std::string etag = HashLike(form, home_.Write("content", content), {}).value();
    return {.status = 200,
            .headers = {{"X-Repo-Commit", commit},
                        {"ETag", '"' + etag + '"'},
                        {"Content-Length", std::to_string(content.size())}}};
  }

  absl::StatusOr<fs::path> Resolve(const std::string& revision = "main") {
    ModelHub hub(options_, &client_);
    return hub.Resolve({.repo = "org/name", .revision = revision}, observer_, stop_.get_token());
  }

  std::string Refused(absl::StatusCode code) {
    const auto folder = Resolve();
    EXPECT_EQ(folder.status().code(), code) << folder.status().ToString();
    EXPECT_THAT(std::string(folder.status().message()),
                AllOf(HasSubstr("org/name"), testing::Not(HasSubstr("\n"))));
    return std::string(folder.status().message());
  }

  size_t Asked(const std::string& url) const {
    size_t count = 0;
    for (const HttpRequest& request : client_.requests()) {
      count += request.url.find(url) != std::string::npos;
    }
    return count;
  }

  fs::path Folder() const { return options_.cache_dir / "models--org--name"; }

  TempDir home_;
  FakeHttpClient client_;
  HubOptions options_;
  HubObserver observer_;
  HubProgress progress_;
  std::vector<std::string> messages_;
  std::stop_source stop_;
};

TEST_F(ModelHubTest, FetchesOnce) {
  for (int n = 0; n < 2; ++n) {
    const auto folder = Resolve();
    ASSERT_TRUE(folder.ok()) << folder.status().ToString();
    EXPECT_EQ(*folder, Folder() / "snapshots" / kCommit);
    EXPECT_EQ(ReadFile(*folder / "model.safetensors").value(), "weights");
  }
  EXPECT_EQ(Asked("/resolve/"), 4);  // a HEAD and a GET for each of two files
  EXPECT_EQ(progress_.total_bytes, 9);
  EXPECT_EQ(progress_.done_bytes, 9);
  EXPECT_EQ(progress_.done_files, 2);
  EXPECT_EQ(progress_.total_files, 2);
  EXPECT_THAT(messages_, IsEmpty());
}

TEST_F(ModelHubTest, TheSameContentUnderTwoNamesIsFetchedOnce) {
  Publish(
      kCommit,
      {{"config.json", "{}"}, {"model.safetensors", "weights"}, {"special_tokens_map.json", "{}"}});
  options_.parallel_downloads = 1;
  const auto folder = Resolve();
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  EXPECT_EQ(ReadFile(*folder / "special_tokens_map.json").value(), "{}");
  EXPECT_EQ(progress_.done_bytes, progress_.total_bytes);
  size_t gets = 0;
  for (const HttpRequest& request : client_.requests()) gets += request.method == "GET";
  EXPECT_EQ(gets, 3);  // the model, and two files
}

TEST_F(ModelHubTest, TheSameContentUnderManyNamesMakesNobodyWait) {
  std::map<std::string, std::string> files = {{"model.safetensors", "weights"}};
  for (const char* file : {"config.json", "special_tokens_map.json", "added_tokens.json",
                           "tokenizer_config.json", "sentence_bert_config.json"}) {
    files[file] = "{}";
  }
  Publish(kCommit, files);
  options_.parallel_downloads = 8;
  const auto folder = Resolve();
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  for (const auto& [file, content] : files) {
    EXPECT_EQ(ReadFile(*folder / file).value(), content) << file;
  }
  size_t gets = 0;
  for (const HttpRequest& request : client_.requests()) gets += request.method == "GET";
  EXPECT_EQ(gets, 3);  // the model, and two blobs
  EXPECT_THAT(messages_, IsEmpty());
  EXPECT_EQ(progress_.total_bytes, 9);
  EXPECT_EQ(progress_.done_bytes, 9);
  EXPECT_EQ(progress_.done_files, 6);
  EXPECT_EQ(progress_.total_files, 6);
}

TEST_F(ModelHubTest, ProgressHasItsTotalsFromTheFirstCallOn) {
  const std::string index = R"({"weight_map": {"x": "a.safetensors"}})";
  Publish(kCommit, {{"config.json", "{}"},
                    {"modules.json", "[]"},
                    {"model.safetensors.index.json", index},
                    {"a.safetensors", "weights"}});
  std::vector<HubProgress> told;
  observer_.on_progress = [&](const HubProgress& progress) { told.push_back(progress); };
  const auto folder = Resolve();
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  ASSERT_FALSE(told.empty());
  for (const HubProgress& progress : told) {
    EXPECT_EQ(progress.total_files, 4);
    EXPECT_EQ(progress.total_bytes, 2 + 2 + index.size() + 7);
    EXPECT_LE(progress.done_bytes, progress.total_bytes);
  }
  EXPECT_EQ(told.back().done_files, 4);
  EXPECT_EQ(told.back().done_bytes, told.back().total_bytes);
}

TEST_F(ModelHubTest, ACommitNeedsNoHubOnceItIsWhole) {
  ASSERT_TRUE(Resolve().ok());
  const size_t asked = client_.requests().size();
  const auto folder = Resolve(kCommit);
  ASSERT_TRUE(folder.ok()) << folder.status().ToString();
  EXPECT_EQ(client_.requests().size(), asked);
}

TEST_F(ModelHubTest, ACommitThatMayNotBeWholeNeedsTheHub) {
  ASSERT_TRUE(Resolve().ok());
  fs::remove_all(Folder() / ".no_exist");
  ASSERT_TRUE(Resolve(kCommit).ok());
  EXPECT_EQ(Asked(std::string("/revision/") + kCommit), 1);
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("using what the cache has of org/name@")));
}

TEST_F(ModelHubTest, TriesAgainAndGivesUp) {
  options_.retry.max_attempts = 3;
  client_.Forget(kInfoUrl);
  client_.Answer(kInfoUrl, HttpResponse{.status = 503});
  Refused(absl::StatusCode::kUnavailable);
  EXPECT_EQ(Asked("/revision/main"), 3);
  EXPECT_EQ(messages_.size(), 2);
}

TEST_F(ModelHubTest, WhatIsNotTransientIsNotTriedAgain) {
  for (const int status : {400, 401, 403, 404}) {
    client_.Forget(kInfoUrl);
    client_.Answer(kInfoUrl, HttpResponse{.status = status});
    const size_t before = client_.requests().size();
    EXPECT_FALSE(Resolve().ok());
    EXPECT_EQ(client_.requests().size(), before + 1);
  }
}

TEST_F(ModelHubTest, ATruncatedFileIsResumed) {
  const std::string url = "GET " + FileUrl(kCommit, "model.safetensors");
  client_.Forget(url);
  client_.Answer(url, HttpResponse{.status = 200, .body = "wei"});
  client_.Answer(
      url,
      HttpResponse{.status = 206, .headers = {{"Content-Range", "bytes 3-6/7"}}, .body = "ghts"});
  ASSERT_TRUE(Resolve().ok());
  EXPECT_EQ(ReadFile(Folder() / "snapshots" / kCommit / "model.safetensors").value(), "weights");
  EXPECT_THAT(messages_, ElementsAre(HasSubstr("after 3 of 7 bytes")));
  // Files come side by side, so that another one's request may be the last.
  const std::pair<std::string, std::string> rest("Range", "bytes=3-");
  EXPECT_EQ(std::ranges::count_if(client_.requests(),
                                  [&](const HttpRequest& request) {
                                    return request.url == FileUrl(kCommit, "model.safetensors") &&
                                           std::ranges::count(request.headers, rest) == 1;
                                  }),
            1);
}

TEST_F(ModelHubTest, AFileThatNeverEndsIsGivenUp) {
  options_.retry.max_attempts = 2;
  const std::string url = "GET " + FileUrl(kCommit, "model.safetensors");
  client_.Forget(url);
  client_.Answer(url, HttpResponse{.status = 200, .body = "wei"});
  client_.Answer(url, HttpResponse{.status = 206, .headers = {{"Content-Range", "bytes 3-6/7"}}});
  EXPECT_THAT(Refused(absl::StatusCode::kUnavailable), HasSubstr("after 3 of 7 bytes"));
}

TEST_F(ModelHubTest, WrongBytesAreRefused) {
  const std::string url = "GET " + FileUrl(kCommit, "model.safetensors");
  client_.Forget(url);
  client_.Answer(url, HttpResponse{.status = 200, .body = "weighty"});
  Refused(absl::StatusCode::kDataLoss);
  EXPECT_FALSE(fs::exists(Folder() / "refs" / "main"));
  EXPECT_FALSE(fs::exists(Folder() / "snapshots" / kCommit / "model.safetensors"));
}

TEST_F(ModelHubTest, MoreBytesThanAnnouncedAreRefused) {
  const std::string url = "GET " + FileUrl(kCommit, "model.safetensors");
  client_.Forget(url);
  client_.Answer(url, HttpResponse{.status = 200, .body = "weights and more"});
  Refused(absl::StatusCode::kDataLoss);
}

TEST_F(ModelHubTest, ARevisionNeverLeadsToHalfAModel) {
  ASSERT_TRUE(Resolve().ok());
  Publish(kNewCommit, {{"config.json", "{ }"}, {"model.safetensors", "new"}});
  const std::string url = "GET " + FileUrl(kNewCommit, "model.safetensors");
  client_.Forget(url);
  client_.Answer(url, HttpResponse{.status = 404});
  Refused(absl::StatusCode::kNotFound);
  options_.offline = true;
  EXPECT_EQ(Resolve().value(), Folder() / "snapshots" / kCommit);
}

TEST_F(ModelHubTest, TroubleLeavesWhatTheCacheHas) {
  ASSERT_TRUE(Resolve().ok());
  for (const absl::StatusOr<HttpResponse>& trouble : std::vector<absl::StatusOr<HttpResponse>>{
           absl::UnavailableError("no network"), absl::DeadlineExceededError("silence"),
           HttpResponse{.status = 500}, HttpResponse{.status = 429}, HttpResponse{.status = 401}}) {
    client_.Forget(kInfoUrl);
    client_.Answer(kInfoUrl, trouble);
    const size_t before = client_.requests().size();
    messages_.clear();
    EXPECT_EQ(Resolve().value(), Folder() / "snapshots" / kCommit);
    EXPECT_EQ(client_.requests().size(), before + 1);  // nobody waits for a hub that is down
    EXPECT_THAT(messages_, ElementsAre(HasSubstr("using what the cache has of org/name")));
  }
  client_.Forget(kInfoUrl);
  client_.Answer(kInfoUrl, HttpResponse{.status = 404});
  Refused(absl::StatusCode::kNotFound);
}

TEST_F(ModelHubTest, Offline) {
  options_.offline = true;
  EXPECT_THAT(Refused(absl::StatusCode::kNotFound),
              AllOf(HasSubstr("HF_HUB_OFFLINE"), HasSubstr((Folder() / "refs" / "main").string())));
  options_.offline = false;
  ASSERT_TRUE(Resolve().ok());
  options_.offline = true;
  const size_t asked = client_.requests().size();
  EXPECT_TRUE(Resolve().ok());
  EXPECT_EQ(client_.requests().size(), asked);
}

TEST_F(ModelHubTest, ACacheWithRubbishInIt) {
  ASSERT_TRUE(Resolve().ok());
  options_.offline = true;
  const fs::path ref = Folder() / "refs" / "main";
  for (const std::string& content :
       {std::string(), std::string("../../../etc"), std::string(100, 'a')}) {
    fs::remove(ref);
    home_.Write("hub/models--org--name/refs/main", content);
    Refused(absl::StatusCode::kNotFound);
  }
}

TEST_F(ModelHubTest, Cancels) {
  observer_.on_progress = [this](const HubProgress&) { stop_.request_stop(); };
  Refused(absl::StatusCode::kCancelled);
  EXPECT_FALSE(fs::exists(Folder() / "refs" / "main"));
}

TEST_F(ModelHubTest, AbsurdSizes) {
  for (const char* file : {"config.json", "model.safetensors"}) {
    HttpResponse metadata = Metadata(kCommit, file);
    metadata.headers.emplace_back("X-Linked-Size", "18446744073709551615");
    client_.Forget("HEAD " + FileUrl(kCommit, file));
    client_.Answer("HEAD " + FileUrl(kCommit, file), metadata);
  }
  Refused(absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace rerankd
