# syntax=docker/dockerfile:1
# The server, its client and the default model on nothing but the libraries they use.
#   docker build -t rerankd .            tools/image.sh builds, checks and measures it
#   docker build -t rerankd:cuda --build-arg DEVICE=cuda .      the same, with what models on a GPU need (2 GB more)
# Whoever wants the same bytes again pins the base: --build-arg BASE=debian:bookworm-slim@sha256:…
# LibTorch is pinned by SHA-256 (tools/third_party), the default model is the checkout's; Debian's packages are
# signed, and the bill of materials in the image (/usr/share/rerankd/sbom.cdx.json) says which versions came.
ARG BASE=docker.io/library/debian:bookworm-slim
ARG DEVICE=cpu

# hadolint ignore=DL3006
FROM ${BASE} AS build
ENV DEBIAN_FRONTEND=noninteractive RERANKD_CACHE=/root/.cache/rerankd CCACHE_BASEDIR=/src CCACHE_NOHASHDIR=1
WORKDIR /src

COPY tools/setup.sh tools/setup.sh
COPY tools/lib tools/lib
COPY tools/third_party tools/third_party
RUN tools/setup.sh && rm -rf /var/lib/apt/lists/*

COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY proto proto
COPY src src
COPY clients/cpp clients/cpp
COPY server server
RUN --mount=type=cache,target=/root/.cache/ccache \
    cmake --preset release -DRERANKD_BUILD_TESTS=OFF -DCMAKE_BUILD_WITH_INSTALL_RPATH=ON -DCMAKE_INSTALL_RPATH=/usr/lib/rerankd && \
    cmake --build --preset release --target rerankd rerankctl

# The programs are the same for both devices: LibTorch's CUDA part is loaded at run time, where it is there.
ARG DEVICE
RUN case "$DEVICE" in cpu) ;; cuda) tools/setup.sh --cuda ;; *) echo "DEVICE=$DEVICE: it is cpu or cuda" >&2; exit 1 ;; esac

COPY LICENSE LICENSE
COPY models models
COPY tools/image tools/image
COPY deploy/image deploy/image
ARG VERSION=dev
RUN python3 tools/image/assemble.py --root /image --cache "$RERANKD_CACHE" --version "$VERSION" \
    build/release/server/rerankd build/release/clients/cpp/rerankctl

FROM scratch AS image-cpu
ARG VERSION=dev
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="rerankd" \
      org.opencontainers.image.description="Reranking server: ranks documents by relevance to a query, over gRPC" \
      org.opencontainers.image.licenses="Apache-2.0 AND LicenseRef-rerankd-mini-en-v2" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
COPY --from=build /image /
# A model cache on a volume: -v rerankd-models:/models. Settings: a file mounted over RERANKD_CONFIG, RERANKD_… variables,
# flags after the image's name.
ENV PATH=/usr/bin RERANKD_CONFIG=/etc/rerankd/rerankd.yaml HF_HUB_CACHE=/models
USER 65532:65532
EXPOSE 50051
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 CMD ["/usr/bin/rerankctl", "health"]
ENTRYPOINT ["/usr/bin/rerankd"]

# NVIDIA's container runtime reads these.
FROM image-cpu AS image-cuda
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

# hadolint ignore=DL3006
FROM image-${DEVICE}
