# Finds what the build needs; downloads nothing. Point CMAKE_PREFIX_PATH at a LibTorch or gRPC of your
# own; what tools/setup.sh put into the cache is found last.
if(DEFINED ENV{RERANKD_CACHE})
  set(_rerankd_cache "$ENV{RERANKD_CACHE}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(_rerankd_cache "$ENV{XDG_CACHE_HOME}/rerankd")
else()
  set(_rerankd_cache "$ENV{HOME}/.cache/rerankd")
endif()
list(APPEND CMAKE_PREFIX_PATH "${_rerankd_cache}/libtorch-2.11.0/torch")
# A LibTorch folder also holds old protobuf headers, which no other package may find.
set(_rerankd_libtorch_prefixes ${CMAKE_PREFIX_PATH})
foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
  if(EXISTS "${prefix}/include/ATen/ATen.h")
    list(REMOVE_ITEM CMAKE_PREFIX_PATH "${prefix}")
  endif()
endforeach()
set(RERANKD_DEFAULT_MODEL_DIR "${_rerankd_cache}/models/all-MiniLM-L6-v2"
  CACHE PATH "Folder of the model that is served when no config is given")

# Python packages of the tests and checks: each named by its lock file, so that a change of that makes a new folder;
# tools/setup.sh makes the same names.
foreach(package IN ITEMS huggingface-hub h2 clang-tidy)
  file(SHA256 ${PROJECT_SOURCE_DIR}/tools/third_party/${package}.txt _rerankd_lock)
  string(SUBSTRING ${_rerankd_lock} 0 12 _rerankd_lock)
  string(TOUPPER RERANKD_${package} _rerankd_variable)
  string(REPLACE - _ _rerankd_variable ${_rerankd_variable})
  set(${_rerankd_variable} "${_rerankd_cache}/${package}-${_rerankd_lock}")
endforeach()

# Debian's promtool and Prometheus; tests that need them are skipped where they are not.
set(RERANKD_PROMTOOL "${_rerankd_cache}/prometheus/promtool")

if(RERANKD_TIDY)
  set(CMAKE_CXX_CLANG_TIDY "${RERANKD_CLANG_TIDY}/clang_tidy/data/bin/clang-tidy")
  if(NOT EXISTS ${CMAKE_CXX_CLANG_TIDY})
    message(FATAL_ERROR "clang-tidy is not in the cache; run tools/setup.sh --checks")
  endif()
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED CONFIG)
find_package(ICU REQUIRED COMPONENTS uc i18n)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(CURL REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto SSL)
if(NOT RERANKD_PURE_ONLY)
  find_package(Protobuf REQUIRED)
  find_package(gRPC CONFIG REQUIRED)
  find_package(LibTorch REQUIRED)
endif()
if(RERANKD_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
