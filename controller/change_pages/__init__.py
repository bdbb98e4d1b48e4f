"""The pages of changes: plans and whom they hurt, approval, applies live, and the way back."""
