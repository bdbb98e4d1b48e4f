"""The pages of the NOC: what stands, what is wrong and who is hurt, on the API and its stream."""
