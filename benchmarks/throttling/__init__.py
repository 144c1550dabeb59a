"""What a judge's quota costs in time: our own pace beside botocore's retry modes."""
