#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Write Sources/*/Generated anew from Sources/*/Protos. Needs protoc (Debian: protobuf-compiler); the generators are
# products of the package's own dependencies.
set -euo pipefail
cd "$(dirname "$0")/.."

generators=(protoc-gen-swift protoc-gen-grpc-swift-2)
for generator in "${generators[@]}"; do
    scripts/quietly "$generator" swift build --product "$generator"
done
bin=$(swift build --show-bin-path)

for protos in Sources/*/Protos; do
    generated=${protos%/Protos}/Generated
    mkdir -p "$generated"
    rm -f "$generated"/*.swift
    protoc --proto_path="$protos" \
        --plugin="$bin/protoc-gen-swift" --swift_out="$generated" --swift_opt=Visibility=Public \
        --plugin="$bin/protoc-gen-grpc-swift-2" --grpc-swift-2_out="$generated" --grpc-swift-2_opt=Visibility=Public \
        "$protos"/*.proto
done

# What reflection answers with.
protos=Sources/WorkloadProtocol/Protos
descriptors=$(protoc --proto_path="$protos" --include_imports --descriptor_set_out=/dev/stdout "$protos"/*.proto | base64 -w0)
cat >Sources/WorkloadProtocol/Generated/Descriptors.swift <<END
// DO NOT EDIT.
// swift-format-ignore-file
//
// Written by scripts/generate-protos.sh.

/// The google.protobuf.FileDescriptorSet of this target and of what it imports, in base64.
public let workloadDescriptors =
    "$descriptors"
END
