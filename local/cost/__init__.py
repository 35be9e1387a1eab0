"""What this stack costs in AWS: counts measured from the running stack, times prices, under assumptions that are named.

`measuring` drives a local cloud and writes docs/cost/counts.json, `model` multiplies, `page` writes docs/cost.md of it.
"""
