"""The pages of one's own account, and of the second factor that is given again."""
