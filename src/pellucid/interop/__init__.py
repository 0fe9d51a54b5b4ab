"""Exchange with other libraries: PyTorch modules (`torch`) and parameter files (`state_dict`)."""
