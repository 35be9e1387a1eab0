#!/bin/bash
# A function for the harness's own tests: answers every event with itself, fails or dies of an event that says so.
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
echo started
while next=$(curl -s -i "$api/invocation/next" | tr -d '\r'); do
  id=$(sed -n 's/^lambda-runtime-aws-request-id: //p' <<< "$next")
  event=${next##*$'\n'}
  case $event in *die*) echo dying >&2; exit 3;; *fail*) outcome=error;; *) outcome=response;; esac
  curl -s -o /dev/null --data-binary "$event" "$api/invocation/$id/$outcome"
done
