#!/bin/sh
# The handler is the image's CMD, as in the AWS base image.
export _HANDLER="$1"
exec python -m awslambdaric "$1"
